"""Evaluation of the networks of a build: the report, that it repeats, and what is refused."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model.checkpoint import save
from model.defects import named_set
from model.evaluate import figures_of, load_generator
from model.frames import to_frames
from model.generator import Generator, GeneratorConfig
from model.learn import repair
from model.loop import config_json
from model.metrics import mean_and_error, median3
from model.samples import Samples, photographs
from pixelmend.config import Frame
from pixelmend.errors import UserError
from pixelmend.files import read_json
from quant import evaluate as module
from quant.evaluate import Evaluation, evaluate, find_networks, load_network
from quant.qat import KIND
from tests.networks import Case, twin

CASE = Case(widths=(4, 6))
FRAME = Frame(height=32, width=48)
QUALITY = {"psnr_db", "ssim", "defect_psnr_db", "defect_ssim"}
RATES = {"precision", "recall", "left", "false_per_mpx", "false_over_8_per_mpx", "false_over_32_per_mpx"}
FIGURES = QUALITY | RATES


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder with a float, a pruned and a quantized network, and three photographs beside it."""
    folder = tmp_path_factory.mktemp("evaluate")
    build = folder / "build"
    network = twin(CASE)
    tables = config_json({"generator": asdict(network.config), "quant": asdict(network.quant)})
    save(build / "qat.safetensors", KIND, tables, network.state_dict(), {})
    torch.manual_seed(1)
    for name, widths in {"float": (4, 6), "pruned": (3, 5)}.items():
        config = replace(CASE.generator, widths=widths)
        save_float(build / f"{name}.safetensors", config)
    for mode in ("mapped", "selective"):
        save_float(build / f"{mode}.safetensors", replace(CASE.generator, mode=mode))
    save(build / "other.safetensors", "critic", {}, {}, {})
    (folder / "photos").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (50, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    return build


def save_float(path: Path, config: GeneratorConfig) -> None:
    save(path, "generator", config_json(asdict(config)), Generator(config).state_dict(), {})


def evaluation(build: Path, **changes: Any) -> Evaluation:
    what = Evaluation("dynamic", 4, 1, build.parent / "photos", FRAME, find_networks(build))
    return replace(what, **changes)


def test_the_report(build: Path, tmp_path: Path) -> None:
    what = evaluation(build)
    report = evaluate(what, "small", tmp_path, jobs=1)
    assert report == read_json(tmp_path / "quality.json") == read_json(tmp_path / "quality" / "dynamic.json")
    assert list(report) == [
        "config", "defects", "samples", "seed", "photos", "size_bytes", "quality", "made_by",
    ]  # fmt: skip
    head = {name: report[name] for name in ("config", "defects", "samples", "seed", "photos")}
    assert head == {
        "config": "small", "defects": "dynamic", "samples": 4, "seed": 1,
        "photos": str(build.parent / "photos"),
    }  # fmt: skip
    methods = ["defective", "median3", "median5", "median3_in_map", "inpaint", "float", "pruned", "integer"]
    assert list(report["quality"]) == methods
    for figures in report["quality"].values():
        assert figures.keys() == FIGURES | {f"{name}_se" for name in FIGURES}
    assert (tmp_path / "quality" / "dynamic.png").is_file()
    assert (tmp_path / "quality" / "dynamic-enlarged.png").is_file()
    assert {"commit", "versions", "checkpoints", "seconds", "frame"} <= report["made_by"].keys()
    assert report["made_by"]["photographs"]["count"] == 3


def test_the_figures_are_those_of_the_samples(build: Path, tmp_path: Path) -> None:
    """Each method alone, without the engine: the twin's pixels are its frames times 255."""
    what = evaluation(build)
    report = evaluate(what, "small", tmp_path, jobs=1)
    samples = Samples(photographs(what.photos, FRAME), FRAME, named_set("dynamic"), 1)
    rows: dict[str, list[dict[str, float]]] = {"defective": [], "integer": [], "float": []}
    networks = {"integer": twin(CASE), "float": load_generator(build / "float.safetensors")}
    for sample in (samples[i] for i in range(4)):
        defective = sample.defective
        rows["defective"].append(figures_of(sample, defective))
        for name, network in networks.items():
            with torch.no_grad():
                result = network(to_frames(defective[None]))[0].clamp(0, 1).permute(1, 2, 0).numpy()
            rows[name].append(figures_of(sample, np.round(result * 255).astype(np.uint8)))
    for name, values in rows.items():
        assert report["quality"][name] == mean_and_error(values)


def test_sizes_by_hand(build: Path, tmp_path: Path) -> None:
    report = evaluate(evaluation(build), "small", tmp_path, jobs=1)
    weights = 3 * 4 * 16 + 4 * 6 * 16 + 6 * 6 + 6 * 4 * 16 + 4 * 3 * 16
    biases = 4 + 6 + 6 + 4 + 3
    small = 3 * 3 * 16 + 3 * 5 * 16 + 5 * 5 + 5 * 3 * 16 + 3 * 3 * 16 + (3 + 5 + 5 + 3 + 3)
    assert report["size_bytes"] == {
        "float": (weights + biases) * 4,
        "pruned": small * 4,
        "integer": weights // 2 + biases * 4,
    }


def test_two_runs_and_any_number_of_processes_give_the_same(build: Path, tmp_path: Path) -> None:
    runs = {}
    for name, jobs in {"a": 1, "b": 2}.items():
        runs[name] = evaluate(evaluation(build), "small", tmp_path / name, jobs=jobs)
        runs[name].pop("made_by")
    assert runs["a"] == runs["b"]
    for name in ("dynamic.png", "dynamic-enlarged.png"):
        first, second = ((tmp_path / run / "quality" / name).read_bytes() for run in runs)
        assert first == second
    other = evaluate(evaluation(build, seed=2), "small", tmp_path / "c", jobs=1)
    assert other["quality"] != runs["a"]["quality"]


def test_each_set_keeps_its_report(build: Path, tmp_path: Path) -> None:
    baselines = evaluation(build, networks={}, samples=2)
    for name in ("fixed8", "single"):
        evaluate(replace(baselines, defects=name), "small", tmp_path, jobs=1)
    assert read_json(tmp_path / "quality.json")["defects"] == "single"
    first = read_json(tmp_path / "quality" / "fixed8.json")
    assert (first["defects"], first["size_bytes"]) == ("fixed8", {})
    assert list(first["quality"]) == ["defective", "median3", "median5", "median3_in_map", "inpaint"]


def test_which_networks_are_evaluated(build: Path, tmp_path: Path) -> None:
    qat, floating = build / "qat.safetensors", build / "float.safetensors"
    assert list(find_networks(build)) == ["float", "pruned", "integer"]
    assert find_networks(tmp_path) == {}
    assert find_networks(build, checkpoint=qat) == {"integer": qat}
    assert find_networks(tmp_path, checkpoint=floating, pruned=build / "pruned.safetensors") == {
        "float": floating,
        "pruned": build / "pruned.safetensors",
    }
    assert find_networks(tmp_path, mapped=[qat, floating]) == {
        "mapped_integer": qat,
        "mapped_float": floating,
    }


def test_a_mapped_network_is_given_the_map(build: Path, tmp_path: Path) -> None:
    """It takes its own pixels at the broken ones and nowhere else, so outside the map nothing is lost."""
    networks = {"mapped_float": build / "mapped.safetensors"}
    report = evaluate(evaluation(build, networks=networks), "small", tmp_path, jobs=1)
    figures = report["quality"]
    assert figures["mapped_float"]["psnr_db"] != figures["defective"]["psnr_db"]
    samples = Samples(photographs(build.parent / "photos", FRAME), FRAME, named_set("dynamic"), 1)
    network = load_network(build / "mapped.safetensors")
    rows = []
    for sample in (samples[i] for i in range(4)):
        result = repair(network, sample.defective, sample.broken)
        assert np.array_equal(result[~sample.broken], sample.clean[~sample.broken])
        rows.append(figures_of(sample, result))
    assert figures["mapped_float"] == mean_and_error(rows)
    assert report["made_by"]["modes"] == {"mapped_float": "mapped"}


def test_the_median_beside_a_selective_network_has_its_selection(build: Path, tmp_path: Path) -> None:
    networks = {"float": build / "selective.safetensors", "pruned": build / "pruned.safetensors"}
    report = evaluate(evaluation(build, networks=networks), "small", tmp_path, jobs=1)
    methods = ["defective", "median3", "median5", "median3_in_map", "inpaint"]
    assert list(report["quality"]) == [*methods, "median3_selected", "float", "pruned"]
    network = load_network(build / "selective.safetensors")
    samples = Samples(photographs(build.parent / "photos", FRAME), FRAME, named_set("dynamic"), 1)
    rows = []
    for sample in (samples[i] for i in range(4)):
        defective = sample.defective
        selected = (repair(network, defective, sample.broken) != defective).any(2)
        rows.append(figures_of(sample, np.where(selected[..., None], median3(defective), defective)))
    assert report["quality"]["median3_selected"] == mean_and_error(rows)


def test_checkpoints_of_the_wrong_kind(build: Path, tmp_path: Path) -> None:
    kinds = "expected a checkpoint of kind 'generator' or 'quantized generator', got 'critic'"
    for place in ("checkpoint", "mapped"):
        path = build / "other.safetensors"
        with pytest.raises(UserError, match=f"other.safetensors: {kinds}"):
            find_networks(tmp_path, **{place: [path] if place == "mapped" else path})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="expected a checkpoint of kind 'generator', got kind 'quantized gen"):
        find_networks(tmp_path, pruned=build / "qat.safetensors")
    (tmp_path / "qat.safetensors").write_bytes((build / "float.safetensors").read_bytes())
    with pytest.raises(UserError, match="expected a checkpoint of kind 'quantized generator', got kind 'gen"):
        find_networks(tmp_path)
    with pytest.raises(UserError, match="none: expected a checkpoint, found no such file"):
        find_networks(tmp_path, checkpoint=tmp_path / "none")


def test_what_cannot_be_evaluated(build: Path, tmp_path: Path) -> None:
    def refused(message: str, **changes: Any) -> None:
        with pytest.raises(UserError, match=message):
            evaluate(evaluation(build, **changes), "small", tmp_path / "out", jobs=1)
        assert not (tmp_path / "out").exists()

    refused("no defect set 'rows'; there are fixed8, dynamic, irregular", defects="rows")
    refused("--samples: at least 2 are needed for a standard error, got 1", samples=1)
    refused("no photograph of at least 64x64 px", frame=Frame(height=64, width=64))
    refused("both sides must be multiples of 4", frame=Frame(height=32, width=50))
    refused("defects up to 12 px wide need a larger frame, got 8x48", frame=Frame(height=8, width=48))
    refused("expected a folder of photographs", photos=tmp_path / "none")
    floating = {"mapped_float": build / "float.safetensors"}
    refused("expected a network of mode 'mapped' or 'corrected', got 'direct'", networks=floating)


def test_the_command_line(build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[frame]\nheight = 32\nwidth = 48\n", encoding="utf-8")
    module.main(
        tmp_path, config, defects="lines", samples=2, photos=build.parent / "photos",
        checkpoint=build / "qat.safetensors", mapped=[build / "mapped.safetensors"], jobs=1,
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("median3_in_map", "integer", "mapped_float", "mine", "lines"))
    report = read_json(tmp_path / "quality.json")
    assert (report["config"], list(report["size_bytes"])) == ("mine", ["integer", "mapped_float"])
    module.main(tmp_path / "none", config, samples=2, photos=build.parent / "photos", seed=3, jobs=1)
    assert "only the baselines are evaluated" in capsys.readouterr().out
