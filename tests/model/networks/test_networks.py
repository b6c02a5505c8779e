"""The networks are what their papers and our documents say, and survive export."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from model.contract import load
from model.export import ExportError, ModelCard, example_frames, export_onnx
from model.frontend import FrontEnd
from model.networks.kumar_dahiya import KumarDahiya
from model.networks.mood_ensemble import HEADS, MoodEnsemble, quadrant_logits
from model.networks.single_head import SingleHead
from model.networks.statistics_pooling import StatisticsPooling

LABELS = ("happy", "angry", "sad")
CARD = ModelCard(LABELS, "trial", "7", {"seeds": [1]}, "CC0-1.0")
FRAMES = torch.from_numpy(example_frames(FrontEnd()))


def unevenly_initialised(network: nn.Module) -> nn.Module:
    """Give normalisations statistics and scales as training leaves them, or folding them would go untested."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            if module.affine:
                nn.init.uniform_(module.weight, -1, 1.5)
                nn.init.normal_(module.bias, 0, 0.1)
    return network.eval()


class TestSingleHead:
    def test_metadata_heads_are_dropped_at_export(self) -> None:
        tagger = SingleHead(KumarDahiya({"mood": 3, "artist": 50}), "mood")
        assert [name for name, _ in tagger.named_parameters() if "heads" in name] == [
            "network.heads.mood.weight",
            "network.heads.mood.bias",
        ]

    def test_a_head_that_is_not_there_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="no head called mood"):
            SingleHead(KumarDahiya({"artist": 50}), "mood")

    def test_labels_that_exclude_each_other_share_one(self) -> None:
        tagger = SingleHead(KumarDahiya({"artist": 5}), "artist", exclusive=True).eval()
        with torch.inference_mode():
            torch.testing.assert_close(tagger(FRAMES).sum(dim=1), torch.ones(3))


class TestStatisticsPooling:
    def test_it_is_as_small_as_documented(self) -> None:
        assert sum(p.numel() for p in StatisticsPooling({}).parameters()) == 171_088

    def test_a_constant_added_to_all_frames_changes_nothing(self) -> None:
        network = unevenly_initialised(StatisticsPooling({"quadrant": 4}))
        with torch.inference_mode():
            first, second = network(FRAMES)["quadrant"], network(FRAMES + 1.5)["quadrant"]
        torch.testing.assert_close(first, second, rtol=0, atol=1e-4)

    def test_the_input_gets_no_gradient_from_its_normalisation(self) -> None:
        assert list(StatisticsPooling({}).bands.parameters()) == []

    def test_digital_silence_gives_finite_values_and_gradients(self) -> None:
        network = StatisticsPooling({"quadrant": 4})
        network(torch.zeros(4, 187, 96))["quadrant"].sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


class TestMoodEnsemble:
    @staticmethod
    def ensemble(threshold: float = 0.0, moods: int = 3) -> MoodEnsemble:
        torch.manual_seed(0)
        members = [unevenly_initialised(StatisticsPooling(HEADS)) for _ in range(2)]
        return MoodEnsemble(members, torch.randn(moods, 14), torch.randn(moods), 1.5, threshold).eval()

    def test_quadrant_logits_are_those_of_the_softmax(self) -> None:
        scores = torch.randn(5, 4)
        torch.testing.assert_close(quadrant_logits(scores), torch.logit(torch.softmax(scores, dim=1)))

    def test_what_is_not_music_has_no_mood(self) -> None:
        with torch.inference_mode():
            assert self.ensemble(threshold=1000.0)(FRAMES).max() == 0
            assert self.ensemble(threshold=-1000.0)(FRAMES).max() > 0.1

    def test_a_head_is_averaged_over_the_members_that_have_it(self) -> None:
        ensemble = self.ensemble()
        del ensemble.members[0].heads["rating"]
        with torch.inference_mode():
            features, _ = ensemble.features(FRAMES)
            expected = ensemble.members[1](FRAMES)["rating"]
        torch.testing.assert_close(features[:, 12:], expected)

    def test_members_are_averaged(self) -> None:
        ensemble = self.ensemble()
        with torch.inference_mode():
            features, presence = ensemble.features(FRAMES)
            outputs = [member(FRAMES) for member in ensemble.members]
        torch.testing.assert_close(features[:, 4:12], (outputs[0]["emotion"] + outputs[1]["emotion"]) / 2)
        torch.testing.assert_close(features[:, 12:], (outputs[0]["rating"] + outputs[1]["rating"]) / 2)
        torch.testing.assert_close(presence, (outputs[0]["presence"] + outputs[1]["presence"]) / 2)


class TestExport:
    @pytest.mark.parametrize(
        "network",
        [
            SingleHead(KumarDahiya({"mood": 3, "artist": 5}), "mood"),
            SingleHead(StatisticsPooling({"mood": 3, "genre": 5}), "mood"),
            TestMoodEnsemble.ensemble(),
        ],
        ids=["kumar_dahiya", "statistics_pooling", "mood_ensemble"],
    )
    def test_the_file_equals_torch_and_keeps_the_contract(self, network: nn.Module, tmp_path: Path) -> None:
        unevenly_initialised(network)
        path = tmp_path / "trial.onnx"
        assert export_onnx(network, path, CARD) <= 1e-5
        model = load(path)  # the live side's own check
        assert model.info.labels == LABELS
        assert model.info.frontend == FrontEnd()
        assert (model.info.name, model.info.version, model.info.license) == ("trial", "7", "CC0-1.0")
        assert model.info.training == {"seeds": [1]}
        frames = np.concatenate([FRAMES.numpy(), np.zeros((1, 187, 96), np.float32)])
        with torch.inference_mode():
            expected = network(torch.from_numpy(frames)).numpy()
        np.testing.assert_allclose(model.predict(frames), expected, rtol=0, atol=1e-5)
        assert list(tmp_path.iterdir()) == [path]

    def test_metadata_is_json_that_others_can_read(self) -> None:
        metadata = CARD.to_metadata()
        assert metadata["moodstream.contract"] == "1"
        assert json.loads(metadata["labels"]) == list(LABELS)
        assert json.loads(metadata["frontend"]) == FrontEnd().to_metadata()

    def test_another_number_of_labels_is_refused(self, tmp_path: Path) -> None:
        network = SingleHead(StatisticsPooling({"mood": 4}), "mood")
        with pytest.raises(ExportError, match="for 3 labels"):
            export_onnx(network, tmp_path / "trial.onnx", CARD)
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_does_something_else_never_appears(self, tmp_path: Path) -> None:
        class Fickle(nn.Module):
            """Answers otherwise when it is traced."""

            def forward(self, melspectrogram: torch.Tensor) -> torch.Tensor:
                answer = torch.sigmoid(melspectrogram.mean(dim=1)[:, :3])
                return answer * 0.5 if torch.compiler.is_exporting() else answer

        with pytest.raises(ExportError, match="off by"):
            export_onnx(Fickle(), tmp_path / "trial.onnx", CARD)
        assert list(tmp_path.iterdir()) == []
