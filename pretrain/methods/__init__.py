"""Self-supervised methods, one a file: views of windows of 12-lead records in, a loss out."""

from .denoising import Denoising
from .lead_transfer import LeadTransfer
from .masked import Masked
from .method import Method
from .pcl import PCL
from .segment_shuffling import SegmentShuffling
from .simclr import SimCLR
from .tf_c import TFC
from .ts_tcc import TSTCC

__all__ = ["METHODS", "Method"]

METHODS: dict[str, type[Method]] = {
    "lead-transfer": LeadTransfer,
    "simclr": SimCLR,
    "pcl": PCL,
    "ts-tcc": TSTCC,
    "tf-c": TFC,
    "masked": Masked,
    "denoising": Denoising,
    "segment-shuffling": SegmentShuffling,
}
