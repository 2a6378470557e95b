"""Augmentation: random changes to the images of training."""

import keras
from keras import ops


class Augmentation(keras.layers.Layer):
    """Mirror, enlarge and shift each image at random; uint8 in, uint8 out.

    Output pixel i of an axis of n pixels is read at

        p(i) = (i + 1/2) / scale - 1/2 + start,  mirrored: n - 1 - p(i)

    between pixels linearly, outside the image as 0. As the two axes are independent,
    that is out = Y in X^T with Y[i, j] = max(0, 1 - |p(i) - j|). These two matrix
    products take 1 GFLOP for 8 images of 224x224x3, where VGG16 takes 744. Without
    `scale_jitter` all entries are 0 or 1, and pixels keep their values.

    Keras has no such layer: RandomCrop draws one position for a whole batch.
    RandomTranslation after RandomZoom would interpolate twice.

    Args:
        flip: bool, mirror left and right with probability 1/2.
        crop: int, pixels of 0 around the image before a crop of the original size.
        scale_jitter: float, images are enlarged by a factor between 1 and
            1 + scale_jitter, the same for both axes, before the crop.
        seed: int.

    Source: Simonyan and Zisserman, 2014, arXiv:1409.1556, section 3.1.
    """

    def __init__(self, flip, crop, scale_jitter, seed):
        super().__init__(name="augmentation", dtype="float32")
        self.flip, self.crop, self.scale_jitter = flip, crop, scale_jitter
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True  # Keras would call it with row numbers to build it

    def call(self, images, training=False):
        """uint8 [B, H, W, C] -> the same, changed only in training."""
        if not training:
            return images
        size, height, width, channels = ops.shape(images)
        # [4, B, 1]: all four are drawn whatever the keys, each image has its own
        chance = keras.random.uniform((4, size, 1), seed=self.seed_generator)
        scale = 1 + self.scale_jitter * chance[0]
        rows = self.places(height, scale, chance[1])  # [B, H]
        columns = self.places(width, scale, chance[2])  # [B, W]
        if self.flip:
            columns = ops.where(chance[3] < 0.5, width - 1 - columns, columns)
        x = ops.cast(images, "float32")
        x = ops.reshape(x, (size, height, width * channels))  # [B, H, W C]
        x = ops.matmul(_interpolation(rows, height), x)
        x = ops.reshape(x, (size, height, width, channels))
        x = ops.transpose(x, (0, 2, 1, 3))  # [B, W, H, C]
        x = ops.reshape(x, (size, width, -1))  # [B, W, H C]
        x = ops.matmul(_interpolation(columns, width), x)
        x = ops.reshape(x, (size, width, height, channels))
        return ops.cast(ops.round(ops.transpose(x, (0, 2, 1, 3))), images.dtype)

    def places(self, n, scale, chance):
        """Positions p(i) of an axis of n pixels.  [B, 1], [B, 1] -> float [B, n]."""
        if self.scale_jitter:
            start = chance * (n - n / scale + 2 * self.crop) - self.crop
        else:  # whole pixels; float rounding may reach 2 crop + 1, so the minimum
            places = ops.minimum(ops.floor(chance * (2 * self.crop + 1)), 2 * self.crop)
            start = places - self.crop
        position = (ops.arange(n, dtype="float32") + 0.5) / scale - 0.5 + start
        # the border of 0 ends `crop` pixels outside of the image
        return ops.clip(position, -self.crop, n - 1 + self.crop)


def _interpolation(position, n):
    """max(0, 1 - |p(i) - j|).  float [B, n] -> [B, n, n]."""
    distance = position[..., None] - ops.arange(n, dtype="float32")
    return ops.relu(1 - ops.abs(distance))


def augmentation_of(data, flip, crop, scale_jitter, seed):
    """Layer that changes the images of training; None if the keys ask for no change.

    Args:
        data: Dataset.
        flip, crop, scale_jitter, seed: see Augmentation.

    Raises:
        ValueError: if the inputs are not images, but something is to change them.
    """
    keys = {"flip": flip, "crop": crop, "scale_jitter": scale_jitter}
    given = {f"train.{name}": value for name, value in keys.items() if value}
    if not given:
        return None
    kind = data.description["inputs"]["kind"]
    if not data.kind.augmentable:
        raise ValueError(
            f"only images can be flipped, cropped or enlarged. Received: {given} for "
            f"inputs that are {kind}. Leave these keys out."
        )
    return Augmentation(**keys, seed=seed)
