"""Networks, named before they are built."""

from weakseg.networks.from_module import FromModule as FromModule
from weakseg.networks.frozen_statistics import FrozenStatistics as FrozenStatistics
from weakseg.networks.image_level_prior import ImageLevelPrior as ImageLevelPrior
from weakseg.networks.unet import UNet as UNet
from weakseg.pretrained.deeplab import DeepLabV3Plus as DeepLabV3Plus
from weakseg.pretrained.pretrained import Pretrained as Pretrained
from weakseg.pretrained.pretrained import Untrained as Untrained
from weakseg.pretrained.vgg import Vgg16LargeFov as Vgg16LargeFov
