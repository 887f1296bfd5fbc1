"""Numbers that the program draws and no file holds: those of a network's Fourier features, and which rows of a data set
are held out."""
import numpy as np

ROUNDS = 10
SPLIT, FEATURES = 3, 16     # the purposes of the words
MIXED = 8                   # times, an element of a permutation


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011): counter [4][n] and key [2], as whole numbers; [4][n] words."""
    c = [np.asarray(word, dtype=np.uint64) for word in counter]
    key = [int(word) for word in key]
    low = np.uint64(0xFFFFFFFF)
    for _ in range(ROUNDS):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(second >> np.uint64(32)) ^ c[1] ^ np.uint64(key[0]), second & low,
             (first >> np.uint64(32)) ^ c[3] ^ np.uint64(key[1]), first & low]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c)


def frequencies(columns, features):
    """B [columns][features], by Box and Muller's transform of the words of seed 0, to a float32's precision."""
    row, lane = np.meshgrid(np.arange(columns), np.arange((features + 3) // 4), indexing="ij")
    words = philox([lane.ravel(), row.ravel(), np.zeros(lane.size), np.full(lane.size, FEATURES)], (0, 0))
    uniform = (words.astype(np.float64) + 0.5) * 2.0 ** -32
    radius, angle = np.sqrt(-2.0 * np.log(uniform[0::2])), 2.0 * np.pi * uniform[1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(4, *lane.shape)
    return pairs.transpose(1, 2, 0).reshape(columns, -1)[:, :features].astype(np.float32)


def permutation(seed, purpose, count):
    """The order of 0 .. count-1 of a seed and a purpose (src/base/permutation.h)."""
    words = philox([np.zeros(MIXED), np.arange(MIXED), np.zeros(MIXED), np.full(MIXED, purpose)],
                   (seed & 0xFFFFFFFF, seed >> 32)).astype(object)
    bits = max(1, int(count - 1).bit_length())
    shift, mask = np.uint64((bits + 1) // 2), np.uint64((1 << bits) - 1)
    keys = [(np.uint64(a << 32 | b), np.uint64(c << 32 | d | 1)) for a, b, c, d in words.T]

    def mix(x):
        for add, multiply in keys:
            x = (x + add) * multiply & mask
            x ^= x >> shift
        return x
    order = mix(np.arange(count, dtype=np.uint64))
    while (outside := order >= count).any():
        order[outside] = mix(order[outside])
    return order.astype(np.int64)
