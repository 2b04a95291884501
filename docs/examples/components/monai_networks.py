"""Networks of MONAI."""

from monai.networks.nets import SegResNet, UNet
from torch import nn


def segresnet(classes: int, in_channels: int, init_filters: int = 16, dropout_prob: float = 0.0) -> nn.Module:
    """A residual encoder and decoder.

    Source: Myronenko 2018, "3D MRI brain tumor segmentation using autoencoder regularization"; in two dimensions.
    """
    return SegResNet(
        spatial_dims=2,
        in_channels=in_channels,
        out_channels=classes,
        init_filters=init_filters,
        dropout_prob=dropout_prob,
    )


def unet(classes: int, in_channels: int, width: int = 16, depth: int = 4, res_units: int = 2) -> nn.Module:
    """A U-Net of residual units.

    Source: Kerfoot et al. 2018, "Left-ventricle quantification using residual U-Net".
    """
    return UNet(
        spatial_dims=2,
        in_channels=in_channels,
        out_channels=classes,
        channels=[width * 2**level for level in range(depth)],
        strides=[2] * (depth - 1),
        num_res_units=res_units,
    )
