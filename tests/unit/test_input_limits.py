"""Ids, segments and positions that a model lacks: each refused in words that name the token, the rule and the remedy."""

from collections import Counter
from itertools import count

import pytest
import torch
from tokenizers import AddedToken
from transformers import (
    AutoConfig,
    AutoModel,
    BertConfig,
    BertLMHeadModel,
    BertModel,
    EncoderDecoderModel,
    GPT2Config,
    GPT2Model,
    MarianConfig,
    MarianMTModel,
)

import attnviz
from attnviz.backends.local import LocalBackend
from attnviz.cli import main
from attnviz.engine import batch, input_limits, reference
from attnviz.errors import PairError, TokenError, TooLongError
from attnviz.linguistics.atlas.measure import LACKING, Measurer
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.models import load
from attnviz.settings import Settings
from attnviz.text import read
from attnviz.types import AttentionRequest
from tests.small_models import WORDS, random_model, saved, tokenizer

SMALL = {
    "vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "max_position_embeddings": 12, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3,
}  # fmt: skip
BART = {
    "vocab_size": len(WORDS), "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 12,
    "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 3,
}  # fmt: skip


def grown():
    """The small tokenizer with two tokens beyond the sixteen that the models have."""
    made = tokenizer()
    made.add_tokens([AddedToken("<device>"), AddedToken("</device>")])
    return made


def paired(made):
    """A tokenizer that gives a second text the segment 1, as BERT's does."""
    from tokenizers import processors

    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.model_input_names = ["input_ids", "attention_mask", "token_type_ids"]
    return made


def bert(**options):
    torch.manual_seed(0)
    return BertModel(BertConfig(**{**SMALL, **options})).eval()


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
def test_a_token_that_was_added_without_an_embedding_is_named_with_its_place_and_the_remedy(family):
    model = random_model(family)
    with pytest.raises(TokenError) as caught:
        attnviz.trace(model, grown(), "the animal <device> cross </device>", "the" if family == "t5" else None)
    message = str(caught.value)
    assert "“<device>” at character 12 of the text has the id 16 (and 1 other token of it)" in message
    assert "16 embeddings, of the ids 0 to 15" in message
    assert "resize_token_embeddings(len(tokenizer))" in message


def test_where_the_text_does_not_use_the_token_everything_works_and_so_it_does_after_resizing():
    model = random_model("bert")
    trace = attnviz.trace(model, grown(), "the animal")
    assert trace.layers == 3
    model.resize_token_embeddings(18)
    assert [token.text for token in attnviz.trace(model, grown(), "the <device>").tokens] == ["the", "<device>"]


def test_another_models_tokenizer_is_named_by_the_first_token_that_the_model_lacks():
    model = bert(vocab_size=10)
    model.config._name_or_path = "bert"
    with pytest.raises(TokenError, match=r"“tired” at character 5 of the text has the id 14.* and bert has 10 embeddings"):
        attnviz.trace(model, tokenizer(), "the tired animal wide")


def test_a_token_of_the_second_text_or_of_the_template_is_named_as_one():
    with pytest.raises(TokenError, match="“<device>” at character 5 of the second text"):
        attnviz.trace(bert(), grown(), "the animal", "the <device>")
    with pytest.raises(TokenError, match=r"The special token “\[CLS\]” has the id 2"):
        attnviz.trace(bert(vocab_size=2), paired(tokenizer()), "[PAD]")


@pytest.mark.parametrize("outside", [-1, 16, 10**9])
def test_capture_names_the_row_and_the_place_of_an_id_that_the_model_lacks(outside):
    ids = torch.tensor([[1, 2, 3], [4, outside, 6]])
    with pytest.raises(TokenError, match=rf"input_ids holds {outside} in row 1, place 1; BertModel has 16 embeddings"):
        attnviz.capture_batch(random_model("bert"), input_ids=ids)
    with pytest.raises(TokenError, match="row 0, place 1"):
        attnviz.capture(random_model("gpt2"), input_ids=ids[1:])


def test_padding_that_the_model_lacks_is_named_as_padding():
    ids, mask = torch.tensor([[1, 2, 99]]), torch.tensor([[1, 1, 0]])
    with pytest.raises(TokenError, match=r"holds 99 in row 0, place 2 \(padding\)"):
        attnviz.capture(random_model("bert"), input_ids=ids, attention_mask=mask)


def test_a_padding_token_beyond_the_embeddings_is_not_used_by_us():
    model = random_model("bert")
    model.config.pad_token_id = 16
    readings = [read(tokenizer(), text) for text in ("the animal was tired", "the")]
    assert batch.padded(model, readings)["input_ids"].tolist() == [[5, 6, 13, 14], [5, 0, 0, 0]]
    assert len(list(batch.layers(model, readings))) == 3


def test_the_side_of_a_translator_that_has_a_smaller_vocabulary_is_named_with_its_own_remedy():
    config = MarianConfig(**{**BART, "decoder_vocab_size": 9, "share_encoder_decoder_embeddings": False})
    model = MarianMTModel(config).eval()
    assert attnviz.trace(model, tokenizer(), "the tired animal", "the animal").block("cross").layers == 1
    with pytest.raises(TokenError, match=r"“tired” at character 5 of the target text.*resize_decoder_token_embeddings"):
        attnviz.trace(model, tokenizer(), "the animal", "the tired")
    with pytest.raises(TokenError, match="decoder_input_ids holds 9 in row 0, place 1"):
        attnviz.capture(model, input_ids=torch.tensor([[15]]), decoder_input_ids=torch.tensor([[3, 9]]))


def test_encoders_and_decoders_that_were_put_together_have_their_own_embeddings_and_positions():
    decoder = BertConfig(
        **{**SMALL, "vocab_size": 9, "max_position_embeddings": 5, "is_decoder": True, "add_cross_attention": True}
    )
    model = EncoderDecoderModel(encoder=bert(), decoder=BertLMHeadModel(decoder)).eval()
    model.config.decoder_start_token_id, model.config.pad_token_id = 2, 0
    assert attnviz.trace(model, tokenizer(), "the tired animal", "the animal").blocks == ("encoder", "decoder", "cross")
    with pytest.raises(TokenError, match=r"of the target text.*model\.decoder\.resize_token_embeddings"):
        attnviz.trace(model, tokenizer(), "the animal", "the tired")
    with pytest.raises(TooLongError, match="at most 5 tokens"):
        attnviz.trace(model, tokenizer(), "the animal", "the the the the the")


def test_a_pair_is_refused_by_a_model_that_tells_one_segment_apart():
    made = paired(tokenizer())
    assert attnviz.trace(bert(type_vocab_size=2), made, "the animal", "it was").layers == 1
    assert attnviz.trace(bert(type_vocab_size=1), made, "the animal").layers == 1
    with pytest.raises(PairError) as caught:
        attnviz.trace(bert(type_vocab_size=1), made, "the animal", "it was")
    assert "“it” at character 1 of the second text is given the segment 1" in str(caught.value)
    assert "one segment (0)" in str(caught.value)
    assert "Remove the second text" in str(caught.value)


def test_a_model_without_segments_says_so_where_its_tokenizer_gives_some():
    with pytest.raises(TokenError, match="no segments"):
        attnviz.trace(bert(type_vocab_size=0), paired(tokenizer()), "the animal")
    ids = torch.tensor([[1, 2]])
    with pytest.raises(TokenError, match=r"token_type_ids holds 1; BertModel tells one segment \(0\) apart"):
        attnviz.capture(bert(type_vocab_size=1), input_ids=ids, token_type_ids=torch.tensor([[0, 1]]))


def test_families_without_segment_embeddings_accept_any_segment():
    for family in ("deberta-v2", "xlnet"):
        options = (
            {**SMALL, "type_vocab_size": 0}
            if family != "xlnet"
            else {"vocab_size": 16, "d_model": 16, "n_layer": 1, "n_head": 2}
        )
        model = AutoModel.from_config(AutoConfig.for_model(family, **options)).eval()
        assert input_limits.limits(model).segments is None
        input_limits.check(model, {"input_ids": torch.tensor([[1, 2]]), "token_type_ids": torch.tensor([[0, 3]])})


POSITIONED = {
    "bert": SMALL, "roberta": SMALL, "xlm-roberta": SMALL, "camembert": SMALL, "mpnet": SMALL, "electra": SMALL, "ibert": SMALL,
    "data2vec-text": SMALL, "roberta-prelayernorm": SMALL, "albert": {**SMALL, "embedding_size": 16}, "llama": SMALL,
    "opt": {**SMALL, "ffn_dim": 16, "word_embed_proj_dim": 16}, "biogpt": SMALL,
    "gpt2": {"vocab_size": 16, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 12},
    "ctrl": {"vocab_size": 16, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 12, "dff": 16},
    "openai-gpt": {"vocab_size": 16, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 12},
    "bart": BART, "mbart": BART, "marian": BART, "pegasus": BART, "m2m_100": BART, "blenderbot": BART,
}  # fmt: skip


@pytest.mark.parametrize("family", list(POSITIONED))
def test_as_many_tokens_are_read_as_the_family_has_positions_and_one_more_is_refused_in_words(family):
    torch.manual_seed(0)
    model = AutoModel.from_config(AutoConfig.for_model(family, **POSITIONED[family])).eval()
    two = getattr(model.config, "is_encoder_decoder", False)
    for side in ("", "decoder_") if two else ("",):

        def rows(length, side=side):
            ids = {f"{name}input_ids": torch.full((1, length if name == side else 2), 5) for name in ("", "decoder_")}
            return ids if two else {"input_ids": ids["input_ids"]}

        def runs(length, rows=rows):
            try:
                with torch.no_grad():
                    model(**rows(length))
            except (IndexError, RuntimeError):
                return False
            return True

        longest = next((length for length in count(1) if length == 30 or not runs(length + 1)), 30)
        assert attnviz.capture(model, **rows(longest)).parts
        if longest < 30:
            with pytest.raises(TooLongError, match="reads at most"):
                attnviz.capture(model, **rows(longest + 1))


def test_padding_takes_no_position_in_the_family_of_roberta():
    model = AutoModel.from_config(AutoConfig.for_model("roberta", **SMALL)).eval()  # 12 rows, of which 10 are used
    ids = torch.tensor([[5] * 10 + [1] * 4])
    assert len(attnviz.capture(model, input_ids=ids, attention_mask=(ids != 1).long()).tokens) == 10


def test_a_folder_whose_tokenizer_has_more_tokens_than_its_weights_says_so_on_the_command_line(tmp_path, capsys):
    folder = saved(tmp_path / "model")
    grown().save_pretrained(folder)
    assert main(["attend", "the animal", "--model", str(folder), "--format", "csv"]) == 0
    capsys.readouterr()
    for arguments in (["attend", "the <device>"], ["rank", "the <device>", "--link", "the:<device>"]):
        assert main([*arguments, "--model", str(folder)]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert "“<device>” at character 5 of the text has the id 16, and model has 16 embeddings" in output.err


def test_the_backend_says_it_before_anything_is_run_also_of_what_is_tried(tmp_path):
    folder = saved(tmp_path / "model")
    grown().save_pretrained(folder)
    card = load.local_card(folder)
    backend = LocalBackend(Settings(), folders=(card,))
    request = AttentionRequest(card.id, "the <device>")
    for asked in (backend.tokenize, backend.attend, backend.check, lambda one: backend.step_trace(one, 0)):
        with pytest.raises(TokenError, match="“<device>”"):
            asked(request)
    with pytest.raises(TokenError, match="“<device>”"):
        backend.intervene(AttentionRequest(card.id, "the animal"), 0, reference.Intervention(layer=0), "the <device>")


def test_an_atlas_leaves_such_texts_out_and_counts_them(tmp_path):
    folder = saved(tmp_path / "model")
    grown().save_pretrained(folder)
    measurer, left_out = Measurer.of(load.load(load.local_card(folder), Settings())), Counter()
    spans = ((0, 3), (4, 10), (11, 19), (20, 23))
    assert measurer.read(0, ParsedSentence("a", "the animal <device> was", spans, ()), left_out) is None
    assert measurer.read(1, ParsedSentence("b", "the animal crossed was it", spans, ()), left_out) is not None
    assert left_out == {LACKING: 1}


def test_a_pass_from_scratch_refuses_ids_and_segments_by_the_tables_themselves():
    model = random_model("bert")
    weights = reference.read(model)
    with pytest.raises(TokenError, match="16 embeddings, of the ids 0 to 15; got 16"):
        reference.run(weights, [1, 16])
    with pytest.raises(TokenError, match="2 segments apart"):
        reference.run(weights, [1, 2], [0, 2])
    model.config.vocab_size = 99  # a configuration that says something else
    assert reference.read(model).vocabulary == 16


def test_placeholder_ids_for_pictures_are_not_checked_against_the_vocabulary():
    model = random_model("bert")
    model.config.image_token_id = 20
    given = {"input_ids": torch.tensor([[1, 20, 2]])}
    input_limits.check(model, {**given, "pixel_values": torch.zeros(1, 3, 2, 2)})
    with pytest.raises(TokenError):
        input_limits.check(model, given)


def test_the_places_of_a_picture_are_no_limit_of_a_text():
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "projection_dim": 8}
    text = {**vision, "vocab_size": 16, "max_position_embeddings": 12}
    config = AutoConfig.for_model("clip", text_config=text, vision_config={**vision, "image_size": 4, "patch_size": 2})
    model = AutoModel.from_config(config)
    assert input_limits.limits(model).positions == 12, "and not the 5 of the picture"
    assert input_limits.limits(model.text_model) == input_limits.Limits(16, None, 12, None)


def test_a_family_that_hashes_its_input_has_no_vocabulary():
    config = AutoConfig.for_model("canine", hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    model = AutoModel.from_config(config)
    assert input_limits.limits(model).tokens is None
    input_limits.check(model, {"input_ids": torch.tensor([[10**5] * 4])})


def test_limits_are_those_of_the_tables():
    model = GPT2Model(GPT2Config(n_layer=1, n_embd=16, n_head=2, vocab_size=16))
    assert input_limits.limits(model) == input_limits.Limits(16, None, 1024, None)
    model.resize_token_embeddings(20)
    assert input_limits.limits(model).tokens == 20
