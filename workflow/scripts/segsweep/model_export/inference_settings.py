"""inference.json: all that a program must know to use an exported network, as plain values."""

from typing import Any

from segsweep.data.image_kinds import RGB
from segsweep.data.loading import MULTIPLE
from segsweep.data.prepared import Prepared
from segsweep.inference.trained_model import TrainedModel
from segsweep.model_export.portable_network import INPUT, NORMALIZED, outputs_of

FILE = "inference.json"
RESIZED = "OpenCV: INTER_AREA where the image has more pixels than that, else INTER_LINEAR"
MEANINGS = {
    "logits": (["batch", "classes", "height", "width"], "Before softmax or sigmoid."),
    "probability": (["batch", 1, "height", "width"], "That a pixel is text, 0..1."),
    "boxes": (["batch", "locations", 4], "x1, y1, x2, y2 in pixels, of all locations that the network looks at."),
    "box_scores": (["batch", "locations", "classes without background"], "0..1."),
}
DECISIONS = {
    "binary": "A pixel is the second class where its logit is above 0.",
    "multiclass": "The class with the largest logit.",
    "multilabel": "A pixel has each label whose logit is above 0.",
    "multitask": (
        "Masks: the class with the largest logit. Boxes: of each class those with a score above score_threshold, "
        "non-maximum suppression by class at nms_iou, the top_k best, clipped to the image."
    ),
    "text": (
        "DB: contours where the probability is above thresh, kept where its mean within is at least box_thresh, grown "
        "by unclip_ratio."
    ),
}
POSTPROCESSED = {
    "multitask": ("score_threshold", "nms_iou", "top_k"),
    "text": ("thresh", "box_thresh", "max_candidates", "unclip_ratio", "shape"),
}


def inference_settings(model: TrainedModel, values: str = NORMALIZED) -> dict[str, Any]:
    """What an image goes through before the network and after it; the content of inference.json.

    Args:
        model: that is exported.
        values: that TorchScript and ONNX take, see `segsweep.model_export.portable_network.portable`.
    """
    prepared, data = model.prepared, model.train.data
    normalize = model.forward.normalize
    postprocess = model.train.postprocess.model_dump(mode="json")
    return {
        "task": prepared.task,
        "classes": list(prepared.classes),
        "resize": {"height": data.image_size[0], "width": data.image_size[1], "how": RESIZED}
        if data.image_size
        else None,
        "patches": data.patches.model_dump(mode="json") if data.patches else None,
        "normalize": {
            "formula": "(value / scale - mean) / std",
            "scale": float(normalize.scale),
            "mean": normalize.mean.flatten().tolist(),
            "std": normalize.std.flatten().tolist(),
        },
        "input": {
            "name": INPUT,
            "values": values,
            "dtype": "float32",
            "shape": ["batch", prepared.channels, "height", "width"],
            "channels": channels_in_words(prepared),
            "stored_as": prepared.dtype,
        },
        "padding": {
            "multiple": MULTIPLE,
            "where": "right and bottom",
            "stored_value": prepared.fill.tolist(),
            "inside_torchscript_and_onnx": True,
        },
        "outputs": [
            {"name": name, "dtype": "float32", "shape": MEANINGS[name][0], "meaning": MEANINGS[name][1]}
            for name in outputs_of(prepared.task)
        ],
        "decision": DECISIONS[prepared.task],
        "postprocess": {name: postprocess[name] for name in POSTPROCESSED.get(prepared.task, ())},
    }


def channels_in_words(prepared: Prepared) -> str:
    """What the channels are, and in which order."""
    if prepared.channels == RGB:
        return "red, green, blue; a gray image as three equal channels"
    return "gray" if prepared.channels == 1 else "in the order of the image files"
