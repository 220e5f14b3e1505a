"""What the decoder of an encoder-decoder reads first: the rule of each family, held against the library's own functions."""

from copy import deepcopy

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    BertConfig,
    BertLMHeadModel,
    BertModel,
    EncoderDecoderModel,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MBartConfig,
    MBartForConditionalGeneration,
    MBartTokenizer,
    NllbTokenizer,
    PreTrainedTokenizerFast,
)

import attnviz
from attnviz.cli import main
from attnviz.errors import BadInputError
from attnviz.models import load
from tests.small_models import WORDS

BART = {
    "vocab_size": len(WORDS), "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 40,
    "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
}  # fmt: skip
T5 = {
    "vocab_size": len(WORDS), "d_model": 16, "num_layers": 1, "num_heads": 2, "d_kv": 8, "d_ff": 16, "pad_token_id": 0,
    "eos_token_id": 3,
}  # fmt: skip
BERT = {
    "vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "max_position_embeddings": 40, "pad_token_id": 0,
}  # fmt: skip
FAMILIES = {
    "t5": T5, "mt5": T5, "umt5": T5, "bart": BART, "marian": BART, "pegasus": BART, "m2m_100": BART, "mbart": BART,
    "plbart": BART, "mvp": BART, "blenderbot": BART,
}  # fmt: skip
TEXT, TARGET = "the animal was tired", "it was wide"


def ended() -> PreTrainedTokenizerFast:
    """Whole words, with an end token after each text."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="$A [SEP]", pair="$A $B [SEP]", special_tokens=[("[SEP]", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", eos_token="[SEP]", bos_token="[CLS]"
    )


def translator(kind, **options):
    """A tokenizer of a family that names its languages, with the words of ours before its codes."""
    words = ["▁", "▁the", "▁animal", "▁was", "▁tired", "▁it", "▁wide"]
    if kind is MBartTokenizer:
        whole = [(name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")] + [(word, -1.0) for word in words]
        whole += [(code, 0.0) for code in ("en_XX", "ro_RO")] + [("<mask>", 0.0)]
        return MBartTokenizer(vocab=whole, src_lang="en_XX", **options)
    vocabulary = {name: at for at, name in enumerate(["<s>", "<pad>", "</s>", "<unk>", *words])}
    return NllbTokenizer(vocab=vocabulary, merges=[], src_lang="eng_Latn", **options)


def model_of(family: str, **options):
    torch.manual_seed(3)
    sizes = {**FAMILIES[family], **options}
    return talking(AutoModelForSeq2SeqLM.from_config(AutoConfig.for_model(family, **sizes)).eval(), *range(5, 16))


def talking(model, *words: int):
    """A model with random weights that writes words, and no special tokens unless it is made to."""
    others = [number for number in range(model.config.vocab_size) if number not in words]
    if hasattr(model, "final_logits_bias"):
        model.final_logits_bias[:, others] = -100.0
    else:
        model.generation_config.suppress_tokens = others
    model.generation_config.forced_eos_token_id = None
    return model


def bert_to_bert():
    torch.manual_seed(3)
    decoder = BertLMHeadModel(BertConfig(**BERT, is_decoder=True, add_cross_attention=True))
    return EncoderDecoderModel(encoder=BertModel(BertConfig(**BERT)), decoder=decoder).eval()


def read_ids(tokenizer, trace, block="decoder"):
    return tokenizer.convert_tokens_to_ids([token.piece for token in trace.block(block).queries])


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_target_text_is_read_as_the_library_prepares_its_labels(family):
    tokenizer, model = ended(), model_of(family, decoder_start_token_id=2)
    labels = torch.tensor([tokenizer(text_target=TARGET)["input_ids"]])
    wanted = (
        model.prepare_decoder_input_ids_from_labels(labels=labels)
        if hasattr(model, "prepare_decoder_input_ids_from_labels")
        else torch.tensor([[2, *labels[0, :-1].tolist()]])
    )  # these derive it in their forward alone, by the same shift
    assert read_ids(tokenizer, attnviz.trace(model, tokenizer, TEXT, TARGET)) == wanted[0].tolist()


@pytest.mark.parametrize("family", ["t5", "bart", "marian", "pegasus", "m2m_100", "mbart", "mvp"])
def test_what_a_model_writes_is_what_the_library_generates(family):
    tokenizer, model = ended(), model_of(family, decoder_start_token_id=2)
    source, most = tokenizer(TEXT, return_tensors="pt"), 40 if family == "t5" else 39  # which has no limit of positions
    wanted = model.generate(
        input_ids=source["input_ids"],
        attention_mask=source["attention_mask"],
        max_new_tokens=most,
        do_sample=False,
        num_beams=1,
    )[0].tolist()
    trace = attnviz.trace(model, tokenizer, TEXT)
    assert read_ids(tokenizer, trace) == (wanted[:-1] if wanted[-1] == 3 else wanted)


@pytest.mark.parametrize("family", ["mbart", "plbart"])
@pytest.mark.parametrize("bare", [False, True])
def test_families_of_mbart_start_with_the_last_label_where_nothing_is_set(family, bare):
    tokenizer, model = ended(), model_of(family)
    assert getattr(model.config, "decoder_start_token_id", None) is None
    model = AutoModel.from_config(model.config).eval() if bare else model
    assert read_ids(tokenizer, attnviz.trace(model, tokenizer, TEXT, TARGET)) == [3, 12, 13, 15]


@pytest.mark.parametrize("family", ["t5", "bart", "pegasus", "m2m_100"])
def test_other_families_name_the_setting_that_is_missing_and_the_remedy(family):
    model = model_of(family)
    model.config.decoder_start_token_id = None
    model.generation_config.decoder_start_token_id = model.generation_config.bos_token_id = None
    for target in (TARGET, None):
        with pytest.raises(BadInputError) as caught:
            attnviz.trace(model, ended(), TEXT, target)
        assert "model.config.decoder_start_token_id is not set" in str(caught.value)
        assert "Set it to the id of that token" in str(caught.value)
    model.generation_config.decoder_start_token_id = 2
    assert read_ids(ended(), attnviz.trace(model, ended(), TEXT, TARGET)) == [2, 12, 13, 15]


def test_a_bert_to_bert_without_a_start_token_says_so_and_reads_once_it_is_set():
    model, tokenizer = bert_to_bert(), ended()
    for target in (TARGET, None):
        with pytest.raises(BadInputError, match=r"decoder_start_token_id is not set\. .*tokenizer\.cls_token_id"):
            attnviz.trace(model, tokenizer, TEXT, target)
    model.config.decoder_start_token_id, model.config.pad_token_id = 2, 0
    labels = torch.tensor([tokenizer(text_target=TARGET)["input_ids"]])
    wanted = model.prepare_decoder_input_ids_from_labels(labels=labels)[0].tolist()
    trace = attnviz.trace(model, tokenizer, TEXT, TARGET)
    assert read_ids(tokenizer, trace) == wanted == [2, 12, 13, 15]
    assert trace.blocks == ("encoder", "decoder", "cross")


def test_the_encoder_of_a_bert_to_bert_has_the_weights_of_the_library():
    model, tokenizer = bert_to_bert(), ended()
    model.config.decoder_start_token_id, model.config.pad_token_id = 2, 0
    found = attnviz.trace(model, tokenizer, TEXT, TARGET).block("encoder").weights()
    encoder = deepcopy(model.encoder)
    for module in encoder.modules():
        if hasattr(module, "config"):
            module.config._attn_implementation = "eager"
    ids = torch.tensor([tokenizer(TEXT)["input_ids"]])
    with torch.no_grad():
        wanted = torch.stack(encoder(input_ids=ids, output_attentions=True).attentions)[:, 0].numpy()
    assert abs(found - wanted).max() < 1e-5


def mbart(**options):
    torch.manual_seed(3)
    sizes = {**BART, "vocab_size": 14, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, **options}
    return talking(MBartForConditionalGeneration(MBartConfig(**sizes)).eval(), *range(5, 11))


def test_mbart_reads_and_writes_from_the_code_of_the_target_language():
    model, tokenizer = mbart(), translator(MBartTokenizer, tgt_lang="ro_RO")
    code = tokenizer.convert_tokens_to_ids("ro_RO")
    labels = torch.tensor([tokenizer(text_target=TARGET)["input_ids"]])
    wanted = model.prepare_decoder_input_ids_from_labels(labels)[0].tolist()
    assert wanted[0] == code
    assert read_ids(tokenizer, attnviz.trace(model, tokenizer, TEXT, TARGET)) == wanted

    source = tokenizer(TEXT, return_tensors="pt")
    wanted = model.generate(**source, decoder_start_token_id=code, max_new_tokens=39, do_sample=False, num_beams=1)[0].tolist()
    written = read_ids(tokenizer, attnviz.trace(model, tokenizer, TEXT))
    assert written[0] == code
    assert written == (wanted[:-1] if wanted[-1] == 2 else wanted)


def test_a_configured_start_token_is_kept_and_a_tokenizer_is_left_as_it_was():
    tokenizer = translator(MBartTokenizer)
    model = mbart(decoder_start_token_id=11)
    assert read_ids(tokenizer, attnviz.trace(model, tokenizer, TEXT))[0] == 11
    trace = attnviz.trace(model, tokenizer, TEXT, TARGET)
    assert tokenizer.tgt_lang is None, "the library itself takes the source's language for it, and keeps that"
    assert read_ids(tokenizer, trace)[0] == tokenizer.convert_tokens_to_ids("en_XX")


def test_nllb_is_made_to_write_the_code_of_the_target_language_first():
    tokenizer = translator(NllbTokenizer, tgt_lang="fra_Latn")
    code = tokenizer.convert_tokens_to_ids("fra_Latn")
    torch.manual_seed(3)
    sizes = {**BART, "vocab_size": len(tokenizer), "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    model = talking(M2M100ForConditionalGeneration(M2M100Config(**sizes, decoder_start_token_id=2)).eval(), *range(5, 11), code)
    assert read_ids(tokenizer, attnviz.trace(model, tokenizer, TEXT))[:2] == [2, code]
    assert read_ids(tokenizer, attnviz.trace(model, tokenizer, TEXT, TARGET))[:2] == [2, code]
    model.generation_config.forced_bos_token_id = 5
    assert read_ids(tokenizer, attnviz.trace(model, tokenizer, TEXT))[:2] == [2, 5]


def test_a_folder_without_a_start_token_says_so_on_the_command_line(tmp_path, capsys):
    model = model_of("t5")
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = None
    model.save_pretrained(tmp_path / "own")
    ended().save_pretrained(tmp_path / "own")
    assert load.local_card(tmp_path / "own").kind == "encoder-decoder"
    for more in ([], ["--text-b", TARGET]):
        assert main(["attend", TEXT, *more, "--model", str(tmp_path / "own")]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert "model.config.decoder_start_token_id is not set" in output.err
        assert "config.json" in output.err
