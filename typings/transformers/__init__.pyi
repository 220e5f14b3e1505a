# The names of transformers that this project uses, where they are defined. Its own __init__ takes them from every one of
# its models at once, and the type checker would read 3,000 files, for half a minute, to learn one class.
# "X is unknown import symbol" means: add its line here.
from types import ModuleType

from transformers.configuration_utils import PreTrainedConfig as PreTrainedConfig
from transformers.masking_utils import AttentionMaskInterface as AttentionMaskInterface
from transformers.modeling_utils import AttentionInterface as AttentionInterface
from transformers.modeling_utils import PreTrainedModel as PreTrainedModel
from transformers.models.auto.configuration_auto import AutoConfig as AutoConfig
from transformers.models.auto.modeling_auto import AutoModel as AutoModel
from transformers.models.auto.modeling_auto import AutoModelForSeq2SeqLM as AutoModelForSeq2SeqLM
from transformers.models.auto.tokenization_auto import AutoTokenizer as AutoTokenizer
from transformers.tokenization_utils_base import PreTrainedTokenizerBase as PreTrainedTokenizerBase

modeling_gguf_pytorch_utils: ModuleType
