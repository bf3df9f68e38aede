"""A training to look at: TensorBoard's scalars and pictures, and the learning curve as a PNG.

Neither is read by a later stage.
"""

from pathlib import Path

import numpy as np

from model.trainee import Trainee
from pixelmend.files import replacing

CURVES = (
    ("loss", ("loss", "critic_loss")),
    ("PSNR, dB", ("psnr_db", "defect_psnr_db")),
    ("SSIM", ("ssim", "defect_ssim")),
)
"""The panels of the learning curve: axis, columns of the table."""


class Watch:
    """Event files of one training; `tensorboard --logdir build` shows them, while it runs too.

    Scalars of the losses ten times between two validations, at each validation the curve's row and the trainee's
    sheet of validation crops.
    """

    def __init__(self, folder: Path, learner: Trainee) -> None:
        """What earlier runs wrote of the steps that are now made again is hidden."""
        from torch.utils.tensorboard import SummaryWriter  # slow to import, and only needed here

        self.learner = learner
        self.every = max(1, learner.schedule.validate_every // 10)
        self.writer = SummaryWriter(str(folder), purge_step=learner.step + 1)

    def stepped(self) -> None:
        """To be called after each step."""
        if self.learner.step % self.every == 0:
            for name, term in self.learner.terms.items():
                self.writer.add_scalar(f"terms/{name}", float(term), self.learner.step)

    def validated(self, row: dict[str, float]) -> None:
        """To be called with each row of the curve."""
        for name, value in row.items():
            if name != "step":
                self.writer.add_scalar(f"validation/{name}", value, self.learner.step)
        self.writer.add_image("validation", self.learner.sheet(), self.learner.step, dataformats="HWC")
        self.writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


def write_curve_png(rows: list[dict[str, float]], path: Path) -> None:
    """Draw the rows of a learning curve, atomically; the same rows give the same bytes.

    Where `step` falls (a next round of pruning), the steps are counted on.
    """
    from matplotlib.figure import Figure  # slow to import, and only needed here

    steps = np.array([row["step"] for row in rows])
    before = np.concatenate([[0.0], np.where(np.diff(steps) < 0, steps[:-1], 0.0)]).cumsum()
    figure = Figure(figsize=(12, 3.5), layout="constrained")
    for axes, (label, names) in zip(figure.subplots(1, len(CURVES)), CURVES, strict=True):
        for name in names:
            if name in rows[0]:
                axes.plot(steps + before, [row[name] for row in rows], marker=".", label=name)
        axes.set(xlabel="step", ylabel=label)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100)
