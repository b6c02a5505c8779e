"""The networks of the three papers: each layer, and the parameters counted by hand from the layers."""

import pytest
import torch
from torch import nn

from model.export import example_frames
from model.frontend import MTG_JAMENDO, FrontEnd
from model.networks import kumar_dahiya, singh_biswas, uai_cnrl
from model.networks.blocks import BlockNetwork
from model.networks.kumar_dahiya import KumarDahiya
from model.networks.resnet34 import ResNet34
from model.networks.singh_biswas import SinghBiswas
from model.networks.single_head import SingleHead
from model.networks.uai_cnrl import UaiCnrl, sinusoids


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def convolution(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> int:
    return kernel * kernel * inputs * outputs + bias * outputs


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def norm(channels: int) -> int:
    return 2 * channels


def frames(frontend: FrontEnd, count: int) -> torch.Tensor:
    return torch.from_numpy(example_frames(frontend, count))


class TestBlocks:
    @pytest.mark.parametrize(
        ("network", "channels"),
        [(KumarDahiya({"mood": 9}), [128] * 5), (SinghBiswas({"artist": 68}), [32, 64, 128, 64, 32])],
        ids=["kumar_dahiya", "singh_biswas"],
    )
    def test_the_layers_come_in_the_papers_order(self, network: BlockNetwork, channels: list[int]) -> None:
        expected = [nn.Conv2d, nn.ReLU, nn.BatchNorm2d, nn.MaxPool2d, nn.Dropout]
        assert [[type(layer) for layer in block] for block in network.blocks] == [expected] * 5
        for block, inputs, outputs in zip(network.blocks, [1, *channels], channels, strict=False):
            first, _, batch_norm, pool, dropout = block
            assert (first.in_channels, first.out_channels) == (inputs, outputs)
            assert (first.kernel_size, first.stride, first.padding) == ((3, 3), (1, 1), "same")
            assert (batch_norm.num_features, pool.kernel_size, dropout.p) == (outputs, 2, 0.25)

    def test_kumar_and_dahiyas_convolutions_hold_591_thousand_parameters(self) -> None:
        by_hand = convolution(1, 128, 3) + 4 * convolution(128, 128, 3)
        assert KumarDahiya({"mood": 9}).convolution_parameters() == by_hand == 591_616

    def test_singh_and_biswas_convolutions_hold_185_thousand_parameters(self) -> None:
        network = SinghBiswas({"artist": 68, "language": 17})
        by_hand = (
            convolution(1, 32, 3)
            + convolution(32, 64, 3)
            + convolution(64, 128, 3)
            + convolution(128, 64, 3)
            + convolution(64, 32, 3)
        )
        assert network.convolution_parameters() == by_hand == 184_928
        assert by_hand + parameters(network.heads["language"]) == by_hand + dense(5 * 3 * 32, 17) == 193_105

    def test_each_task_has_one_dense_layer_on_what_the_blocks_leave(self) -> None:
        assert KumarDahiya({}).features == 5 * 3 * 128 == 1920
        assert SinghBiswas({}).features == 5 * 3 * 32 == 480
        with torch.inference_mode():
            moods = KumarDahiya({"mood": 9, "artist": 50, "year": 9}).eval()(frames(FrontEnd(), 2))
            names = SinghBiswas({"artist": 68, "language": 17}).eval()(frames(FrontEnd(), 2))
        assert {name: tuple(logits.shape) for name, logits in moods.items()} == {
            "mood": (2, 9),
            "artist": (2, 50),
            "year": (2, 9),
        }
        assert {name: tuple(logits.shape) for name, logits in names.items()} == {"artist": (2, 68), "language": (2, 17)}


class TestResNet34:
    def test_it_holds_the_parameters_of_the_paper_without_its_classifier(self) -> None:
        def block(inputs: int, outputs: int) -> int:
            shortcut = convolution(inputs, outputs, 1, bias=False) + norm(outputs) if inputs != outputs else 0
            first, second = convolution(inputs, outputs, 3, bias=False), convolution(outputs, outputs, 3, bias=False)
            return first + norm(outputs) + second + norm(outputs) + shortcut

        by_hand = (
            (convolution(3, 64, 7, bias=False) + norm(64))
            + 3 * block(64, 64)
            + (block(64, 128) + 3 * block(128, 128))
            + (block(128, 256) + 5 * block(256, 256))
            + (block(256, 512) + 2 * block(512, 512))
        )
        # torchvision documents 21,797,672 with the dense layer from 512 values to ImageNet's 1,000 classes.
        assert parameters(ResNet34()) == by_hand == 21_797_672 - dense(512, 1000)

    def test_it_has_34_layers_with_the_classifier(self) -> None:
        convolutions = [
            name for name, m in ResNet34(8).named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in name
        ]
        assert len(convolutions) == 33

    def test_maps_are_a_thirty_second_of_the_image(self) -> None:
        with torch.inference_mode():
            assert ResNet34(8).eval()(torch.zeros(2, 3, 96, 256)).shape == (2, 64, 3, 8)

    def test_the_names_are_torchvisions(self) -> None:
        names = ResNet34(8).state_dict().keys()
        assert {"conv1.weight", "bn1.running_mean", "layer1.2.conv2.weight", "layer4.0.downsample.1.bias"} <= names
        assert len(names) == 36 + 36 * 5  # 33 convolutions, 3 shortcuts; a batch norm of five tensors after each


class TestUaiCnrl:
    def test_the_front_end_is_that_of_the_data_sets_own_mels(self) -> None:
        assert uai_cnrl.FRONTEND == MTG_JAMENDO
        assert kumar_dahiya.FRONTEND == singh_biswas.FRONTEND == FrontEnd()
        assert uai_cnrl.SEGMENTS * uai_cnrl.SEGMENT == 16 * 256 == MTG_JAMENDO.patch
        assert MTG_JAMENDO.window_samples / MTG_JAMENDO.samplerate == pytest.approx(87.4, abs=0.05)

    def test_the_parameters_are_those_of_its_layers(self) -> None:
        with torch.device("meta"):
            network = UaiCnrl(labels=56)
        colours = norm(1) + convolution(1, 10, 1) + convolution(10, 3, 1)
        reduction = convolution(512, 256, 3)
        # Queries, keys, values and the projection; two dense layers; two layer norms.
        attention = 4 * dense(256, 256) + dense(256, 1024) + dense(1024, 256) + 2 * norm(256)
        heads = dense(256, 56) + dense(256, 256) + dense(256, 56)
        assert parameters(network.segments.colours) == colours == 55
        assert parameters(network.segments.reduction) == reduction == 1_179_904
        assert parameters(network.attention) == 2 * attention == 1_579_520
        assert parameters(network.pool) == dense(256, 256) == 65_792
        assert parameters(network.heads) == heads == 94_576
        by_hand = colours + 21_284_672 + reduction + 2 * attention + dense(256, 256) + heads
        assert parameters(network) == by_hand == 24_204_519

    def test_the_layers_come_in_the_documented_order(self) -> None:
        with torch.device("meta"):
            network = UaiCnrl(labels=56)
        colours = [type(layer) for layer in network.segments.colours]
        assert colours == [nn.BatchNorm2d, nn.Conv2d, nn.ReLU, nn.Conv2d, nn.ReLU]
        assert [layer.self_attn.num_heads for layer in network.attention] == [4, 4]
        assert [layer.norm_first for layer in network.attention] == [False, False]

    def test_training_has_two_outputs_and_prediction_one(self) -> None:
        network = UaiCnrl(labels=5, width=4).eval()
        patches = frames(MTG_JAMENDO, 2)
        with torch.inference_mode():
            both = network(patches)
            assert {name: tuple(logits.shape) for name, logits in both.items()} == {
                "attention": (2, 5),
                "convolution": (2, 5),
            }
            tagger = SingleHead(network, "attention").eval()
            assert list(network(patches)) == ["attention"]
            torch.testing.assert_close(tagger(patches), torch.sigmoid(both["attention"]))

    def test_a_segment_is_256_frames_in_a_row(self) -> None:
        network = UaiCnrl(labels=5, width=4).eval()
        patches = frames(MTG_JAMENDO, 2)
        changed = patches.clone()
        changed[1, 512:768] = changed[1, :256]
        with torch.inference_mode():
            before, after = network.segments(patches), network.segments(changed)
        differs = (before != after).any(dim=2)
        assert differs.nonzero().tolist() == [[1, 2]]
        torch.testing.assert_close(after[1, 2], after[1, 0])

    def test_order_matters_to_the_attention_alone(self) -> None:
        network = UaiCnrl(labels=5, width=4).eval()
        patches = frames(MTG_JAMENDO, 1)
        turned = patches.unflatten(1, (16, 256)).flip(1).flatten(1, 2)
        with torch.inference_mode():
            first, second = network(patches), network(turned)
        torch.testing.assert_close(first["convolution"], second["convolution"])
        assert (first["attention"] - second["attention"]).abs().max() > 1e-5

    def test_positions_are_the_transformers(self) -> None:
        table = sinusoids(16, 256)
        assert table.shape == (16, 256)
        torch.testing.assert_close(table[0], torch.tensor([0.0, 1.0]).repeat(128))
        rate = 10_000 ** (-6 / 256)
        torch.testing.assert_close(table[5, 6:8], torch.tensor([5 * rate, 5 * rate + torch.pi / 2]).sin())

    def test_both_losses_reach_the_convolutions(self) -> None:
        network = UaiCnrl(labels=5, width=4)
        for logits in network(frames(MTG_JAMENDO, 2)).values():
            network.zero_grad()
            logits.sum().backward(retain_graph=True)
            assert network.segments.trunk.conv1.weight.grad.abs().max() > 0
