"""The measure of harm: computed values of counts, rates, tiles, recall by kind, ROC."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from model import harm
from model.defects import named_set
from model.generator import Generator, GeneratorConfig
from model.harm import (
    Scored,
    count_sound,
    harm_to_hard,
    harm_to_noise,
    harm_to_photographs,
    on_defects,
    recall_by_kind,
    roc,
    tiles,
    visible,
)
from model.photos import Photo
from model.samples import Samples
from pixelmend.config import Frame
from pixelmend.errors import UserError

FRAME = Frame(32, 32)
RANDOM = np.random.default_rng(7)
PHOTOS = {
    "soft": np.full((70, 100, 3), 90, np.uint8),
    "rough": RANDOM.integers(60, 120, (64, 64, 3), dtype=np.uint8),
}


def keep(frame: Photo) -> Photo:
    return frame


def spoil(frame: Photo) -> Photo:
    """10 px changed: by 5, 20 and 100 levels."""
    result = frame.copy()
    result[0, :5, 0] += 5
    result[1, :3, 1] += 20
    result[2, :2, 2] += 100
    return result


class Bright:
    """Finds what reads 200 or more, and repairs it to 90."""

    def __call__(self, frame: Photo) -> Photo:
        return np.where((frame >= 200).any(2, keepdims=True), np.uint8(90), frame)


def test_tiles_lie_side_by_side() -> None:
    photo = np.arange(70 * 100 * 3, dtype=np.uint32).reshape(70, 100, 3).astype(np.uint8)
    found = list(tiles(photo, FRAME))
    assert len(found) == 6
    assert np.array_equal(found[5], photo[32:64, 64:96])


def test_false_alarms_are_counted_by_how_far_they_go() -> None:
    counts = count_sound(spoil, iter([PHOTOS["soft"][:32, :32]] * 2))
    assert counts.sums["false"] == 20
    assert counts.sums["false_over_8"] == 10
    assert counts.sums["false_over_32"] == 4
    assert counts.sums["sound"] == 2048
    error = (5 * 25 + 3 * 400 + 2 * 10000) / (1024 * 3 * 255**2)
    assert counts.psnr_db == pytest.approx([-10 * np.log10(error)] * 2)


def test_photographs_have_a_mean_and_a_worst() -> None:
    def half(frame: Photo) -> Photo:
        return spoil(frame) if frame.std() > 1 else frame

    found = harm_to_photographs(half, PHOTOS, FRAME)
    assert found["each"]["soft"] == {
        "false_per_mpx": 0.0, "false_over_8_per_mpx": 0.0, "false_over_32_per_mpx": 0.0, "psnr_db": 100.0
    }  # fmt: skip
    per_mpx = 10 / 1024 * 1e6
    assert found["worst"]["photograph"] == "rough"
    assert found["worst"]["false_per_mpx"] == pytest.approx(per_mpx)
    assert found["mean"]["false_per_mpx"] == pytest.approx(per_mpx / 2)
    assert found["least_psnr_db"] == found["each"]["rough"]["psnr_db"] < 60


def test_noise_and_hard_pictures_are_sound() -> None:
    assert harm_to_noise(keep, PHOTOS, FRAME, 15)["false_per_mpx"] == 0
    hard = harm_to_hard(spoil, 64, 1)
    assert hard["text"]["false_over_8_per_mpx"] == pytest.approx(5 / 4096 * 1e6, rel=0.5)

    seen: list[Photo] = []

    def look(frame: Photo) -> Photo:
        seen.append(frame)
        return frame

    harm_to_noise(look, {"soft": PHOTOS["soft"]}, FRAME, 15)
    assert float(np.std(seen)) == pytest.approx(12, abs=4)


def test_rates_on_defects() -> None:
    config = replace(named_set("dynamic"), colour="white", fill=1.0)
    samples = Samples([PHOTOS["rough"]], FRAME, config, 1)
    found = on_defects(Bright(), samples, 4)
    assert found["recall"] == found["precision"] == 1.0
    assert found["false_per_mpx"] == found["worse"] == 0
    assert found["psnr_db"] > found["defective_psnr_db"] + 5
    kept = on_defects(keep, samples, 4)
    assert kept["recall"] == 0
    assert kept["left"] == 1.0
    assert kept["precision"] == 1.0
    assert on_defects(lambda frame: 255 - frame, samples, 4)["worse"] == 1.0


def test_recall_by_kind_tells_kinds_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ("single", "warm 40 box 5x5", "saturated red single")
    monkeypatch.setattr(harm, "KINDS", {name: harm.KINDS[name] for name in wanted})
    found = recall_by_kind(Bright(), [PHOTOS["soft"]], FRAME, 20, 1)
    assert found["saturated red single"]["recall"] == 1.0
    assert found["warm 40 box 5x5"]["recall"] == 0.0
    assert found["single"]["recall"] == pytest.approx(0.5, abs=0.2)  # half of them are dead
    assert found["single"]["pixels"] == pytest.approx(60, abs=4)
    assert all(row["false"] == 0 for row in found.values())


def test_what_reads_nearly_as_it_should_is_not_counted() -> None:
    clean = np.zeros((2, 2, 3), np.uint8)
    defective = clean.copy()
    defective[0, 0, 1], defective[0, 1, 2], defective[1, 1] = 80, 79, 255
    broken = np.array([[True, True], [False, False]])
    config = replace(named_set("shapes"), amplitude=(200.0, 200.0))
    assert visible(clean, defective, broken, config).tolist() == [[True, False], [False, False]]


@pytest.fixture
def network() -> Generator:
    """Its score is 0.1 and a quarter of the sum of R, G and B."""
    config = GeneratorConfig(
        widths=(3,), kernel=2, mode="filled", center=False, skips=False, spectral_norm=False, fill_levels=1
    )
    generator = Generator(config)
    with torch.no_grad():
        for value in generator.parameters():
            value.zero_()
        generator.enc[0].weight[0].fill_(1 / 16)  # type: ignore[index, operator]
        generator.dec[0].weight[0].fill_(1.0)  # type: ignore[index, operator]
        generator.dec[0].bias.fill_(0.1)  # type: ignore[operator, union-attr]
    return generator


def test_a_score_is_moved_along_the_roc(network: Generator) -> None:
    method = Scored(network)
    frame = np.full((32, 32, 3), 51, np.uint8)  # 0.2: 12 values of 0.2 / 16
    assert method.score(frame) == pytest.approx(0.25)
    assert np.array_equal(method(frame), frame)
    assert (Scored(method.network, 0.25).score(frame) >= 0.5).all()
    damaged = Samples([frame], FRAME, named_set("single"), 1)
    rows = roc(method, damaged, 2, [frame])
    at = {row["shift"]: row for row in rows}
    assert at[0.3]["undamaged_false_per_mpx"] == 1e6
    assert at[0.2]["undamaged_false_per_mpx"] == 0
    recalls = [row["recall"] for row in rows]
    assert recalls == sorted(recalls)
    assert at[1.5]["recall"] == 1.0
    assert at[-1.5]["recall"] == 0.0
    assert at[1.5]["false_per_mpx"] == 1e6, "of the sound pixels, each is flagged"
    broken = np.mean([damaged[index].broken.mean() for index in range(2)])
    assert at[1.5]["precision"] == pytest.approx(broken)


def test_a_network_without_a_score_is_refused() -> None:
    with pytest.raises(UserError, match="expected a network of mode 'selective' or 'filled'"):
        Scored(Generator(GeneratorConfig(widths=(4,), mode="direct")))
