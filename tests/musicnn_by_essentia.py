"""MusiCNN by its own makers' code: TensorFlow on Essentia's frames. By hand, in an environment of its own.

    uv venv other && uv pip install --python other tensorflow-cpu tf2onnx essentia 'numpy<2' 'setuptools<80'
    uv pip install --python other --no-deps musicnn
    other/bin/python tests/musicnn_by_essentia.py convert moods        # moods/msd-musicnn-1.onnx and .json
    python -m stream.listen --file song.wav --model moods/msd-musicnn-1.onnx --output jsonl > song.jsonl
    other/bin/python tests/musicnn_by_essentia.py compare song.jsonl song.wav

``convert`` makes a model of the layout of Essentia's from the weights in the package ``musicnn`` (J. Pons, ISC), of
which Essentia's ``msd-musicnn-1`` was made. ``compare`` prints how far the records of a file are from what
TensorFlow makes of Essentia's MonoLoader(resampleQuality=4) and TensorflowInputMusiCNN: the greatest difference of a
tag in a window, and in the mean over the song.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import essentia.standard as es
import numpy as np
import tensorflow as tf
import tf2onnx
from tensorflow.core.protobuf import meta_graph_pb2

PATCH = 187
INPUT, SWITCH = "model/Placeholder", "model/Placeholder_2"
OUTPUTS = ("model/Sigmoid", "model/dense/BiasAdd")


def musicnn() -> tuple[Path, list[str]]:
    """Where the package's weights are, and the tags; the package itself cannot be imported with today's TensorFlow."""
    package = importlib.util.find_spec("musicnn")
    assert package is not None and package.origin is not None
    folder = Path(package.origin).parent
    spec = importlib.util.spec_from_file_location("configuration", folder / "configuration.py")
    assert spec is not None and spec.loader is not None
    configuration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(configuration)
    return folder / "MSD_musicnn", configuration.MSD_LABELS


def frozen_graph() -> Any:
    """The graph with its weights as constants, and with training switched off."""
    v1 = tf.compat.v1
    checkpoint = f"{musicnn()[0]}/"
    meta = meta_graph_pb2.MetaGraphDef()
    meta.ParseFromString(Path(checkpoint, ".meta").read_bytes())
    for node in meta.graph_def.node:
        node.attr.pop("_output_shapes", None)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.import_meta_graph(meta)
        v1.train.Saver().restore(session, checkpoint)
        graph = v1.graph_util.convert_variables_to_constants(session, meta.graph_def, list(OUTPUTS))
    for node in graph.node:
        if node.name == SWITCH:
            node.op = "Const"
            node.attr.clear()
            node.attr["dtype"].type = tf.bool.as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(False))
    return graph


def convert(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / "msd-musicnn-1.onnx"
    outputs = [f"{name}:0" for name in OUTPUTS]
    tf2onnx.convert.from_graph_def(frozen_graph(), input_names=[f"{INPUT}:0"], output_names=outputs, output_path=path)
    described = zip(OUTPUTS, (50, 200), ("predictions", "embeddings"), strict=True)
    card = {
        "name": "MSD MusiCNN",
        "version": "1",
        "license": "ISC",
        "classes": musicnn()[1],
        "schema": {
            "inputs": [{"name": INPUT, "type": "float", "shape": [PATCH, 96]}],
            "outputs": [{"name": name, "shape": [width], "output_purpose": use} for name, width, use in described],
        },
        "inference": {"sample_rate": 16000, "algorithm": "TensorflowPredictMusiCNN"},
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=4))


def tags(song: Path, starts: list[int]) -> np.ndarray:
    """What TensorFlow makes of Essentia's frames, for windows that begin at these frames: shape (windows, tags)."""
    sound = es.MonoLoader(filename=str(song), sampleRate=16000, resampleQuality=4)()
    analyse = es.TensorflowInputMusiCNN()
    frames = np.array([analyse(frame) for frame in es.FrameGenerator(sound, frameSize=512, hopSize=256)])
    windows = np.stack([frames[start : start + PATCH] for start in starts])
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(frozen_graph(), name="")
        found: np.ndarray = session.run(f"{OUTPUTS[0]}:0", {f"{INPUT}:0": windows})
    return found


def compare(records: Path, song: Path) -> None:
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    scored = [line for line in lines if line["type"] == "estimate" and line["status"] == "ok"]
    ours = np.array([list(line["mood"].values()) for line in scored])
    theirs = tags(song, [line["start_sample"] // 256 for line in scored])
    window, mean = np.abs(ours - theirs).max(), np.abs(ours.mean(axis=0) - theirs.mean(axis=0)).max()
    print(f"{len(scored)} windows: a tag differs by {window:.2g} at most in a window, by {mean:.2g} in the mean")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["convert", folder]:
            convert(Path(folder))
        case ["compare", records, song]:
            compare(Path(records), Path(song))
        case _:
            sys.exit(__doc__)
