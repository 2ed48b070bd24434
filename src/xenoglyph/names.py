"""Names of the files in a run folder, for whoever writes, finds or removes one."""

__all__ = [
    "CHECKPOINT",
    "CHECKPOINT_BEFORE",
    "LOCK",
    "MODEL",
    "REPORT",
    "RESULT",
    "TENSORBOARD",
    "TRAINING",
]

MODEL = "model.safetensors"
REPORT = "report.html"
RESULT = "result.json"

CHECKPOINT = "checkpoint.safetensors"
CHECKPOINT_BEFORE = "checkpoint.previous.safetensors"
LOCK = "xenoglyph.lock"

TRAINING = "training.csv"
TENSORBOARD = "tensorboard"
