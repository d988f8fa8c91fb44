"""Makes convolutional encoders and decoders in Keras, exported by tf2onnx, and what they give for some rows.

    pip install tensorflow-cpu==2.18.1 tf2onnx==1.17.0 onnx==1.17.0
    python keras_zoo.py OUT [small]

OUT gets NAME.keras.onnx and NAME.y.npy, what Keras gives for 64 rows, or 7 codes. With "small", only the models that the tests keep.
"""

import pathlib
import sys

import numpy
import tensorflow as tf
import tf2onnx
from tensorflow.keras import layers as L


def residual(x, n):
    y = L.Conv2D(n, 3, padding="same", use_bias=False)(x)
    y = L.ReLU()(L.BatchNormalization()(y))
    y = L.BatchNormalization()(L.Conv2D(n, 3, padding="same", use_bias=False)(y))
    return L.ReLU()(L.Add()([x, y]))


def squeeze(x, n):
    gate = L.Dense(16, activation="relu")(L.GlobalAveragePooling2D()(x))
    return L.Multiply()([x, L.Reshape((1, 1, n))(L.Dense(n, activation="sigmoid")(gate))])


def rows(shape):
    """64 rows of numbers within [0,1), or of 0 and 1 where they are codes: zoo_test.go makes the same ones."""
    n = numpy.arange(64 * int(numpy.prod(shape)), dtype=numpy.uint64)
    x = ((n * 2654435761 % 2**32) >> 8).astype(numpy.float32) / 2**24
    return (numpy.round(x) if len(shape) == 1 else x).astype(numpy.float32).reshape(64, *shape)


def models():
    def chain(shape, *layers):
        x = inputs = tf.keras.Input(shape)
        for layer in layers:
            x = layer(x)
        return tf.keras.Model(inputs, x)

    picture, code = (16, 16, 1), (24,)
    return {
        "keras-lenet": chain(picture, L.Conv2D(6, 5, padding="same", activation="tanh"), L.AveragePooling2D(2), L.Conv2D(8, 5, activation="tanh"), L.MaxPooling2D(2), L.Flatten(), L.Dense(24)),
        "keras-vae-encoder": chain(picture, L.Conv2D(8, 3, 2, padding="same", activation="relu"), L.Conv2D(16, 3, 2, padding="same", activation="relu"), L.Flatten(), L.Dense(16, activation="relu"), L.Dense(24)),
        "keras-batchnorm": chain(picture, L.Conv2D(8, 3, 2, padding="same"), L.BatchNormalization(), L.LeakyReLU(), L.Dropout(0.3), L.Conv2D(8, 3, padding="valid"), L.PReLU(shared_axes=(1, 2)), L.GlobalMaxPooling2D(), L.Dense(24)),
        "keras-separable": chain(picture, L.SeparableConv2D(8, 3, strides=2, padding="same", activation="relu"), L.DepthwiseConv2D(3, padding="same"), L.BatchNormalization(), L.ReLU(max_value=6), L.GlobalAveragePooling2D(), L.Dense(24)),
        "keras-resnet": chain(picture, L.Conv2D(8, 3, 2, padding="same"), lambda x: residual(x, 8), lambda x: squeeze(x, 8), L.GlobalAveragePooling2D(), L.Dense(24)),
        "keras-layernorm": chain(picture, L.Conv2D(8, 4, 4), L.LayerNormalization(), L.DepthwiseConv2D(3, padding="same"), L.Dense(16, activation="gelu"), L.Dense(8), L.Flatten(), L.Dense(24)),
        "keras-conv1d": chain((32, 3), L.ZeroPadding1D(1), L.Conv1D(8, 3, 2, activation="elu"), L.MaxPooling1D(2), L.Conv1D(8, 3, padding="same", activation="swish"), L.GlobalAveragePooling1D(), L.Dense(24)),
        "keras-vae-decoder": chain(code, L.Dense(4 * 4 * 8, activation="relu"), L.Reshape((4, 4, 8)), L.Conv2DTranspose(8, 3, 2, padding="same", activation="relu"), L.Conv2DTranspose(8, 3, 2, padding="same", activation="relu"), L.Conv2DTranspose(1, 3, padding="same", activation="sigmoid")),
        "keras-upsampling": chain(code, L.Dense(4 * 4 * 8, activation="softplus"), L.Reshape((4, 4, 8)), L.UpSampling2D(2), L.Conv2D(8, 3, padding="same", activation="selu"), L.UpSampling2D(interpolation="bilinear"), L.Conv2D(1, 3, padding="same")),
        "keras-dcgan-decoder": chain(code, L.Dense(4 * 4 * 8, use_bias=False), L.BatchNormalization(), L.LeakyReLU(), L.Reshape((4, 4, 8)), L.Conv2DTranspose(8, 4, 2, padding="same", use_bias=False), L.BatchNormalization(), L.LeakyReLU(), L.Conv2DTranspose(1, 4, 2, padding="same", activation="sigmoid")),
    }


SMALL = {"keras-batchnorm", "keras-resnet", "keras-separable", "keras-conv1d", "keras-vae-decoder"}


def main(out, only=None):
    tf.keras.utils.set_random_seed(1)
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    noise = numpy.random.default_rng(1)
    for name, model in models().items():
        for layer in model.layers:  # statistics that are not 0 and 1
            if isinstance(layer, L.BatchNormalization):
                layer.moving_mean.assign(noise.normal(0, 0.1, layer.moving_mean.shape))
                layer.moving_variance.assign(noise.uniform(0.5, 1.5, layer.moving_variance.shape))
        shape = model.inputs[0].shape[1:]
        if only and name not in SMALL:
            continue
        y = model(rows(shape), training=False).numpy()
        numpy.save(out / f"{name}.y.npy", y if len(shape) > 1 else y[:7])
        call = tf.function(lambda x, model=model: model(x, training=False), input_signature=[tf.TensorSpec((None, *shape), tf.float32, name="x")])
        tf2onnx.convert.from_function(call, input_signature=call.input_signature, opset=17, output_path=str(out / f"{name}.keras.onnx"))


if __name__ == "__main__":
    main(*sys.argv[1:])
