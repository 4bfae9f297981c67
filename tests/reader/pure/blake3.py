"""BLAKE3 in plain Python, for tests of `restore.py --verify` without any package; far too slow for real data."""

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
LANES = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
MASK = 0xFFFFFFFF


def compress(value, words, counter, length, flags):
    """The compression function, cut to the eight words of a chaining value."""
    state = [*value, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for _ in range(7):
        for index, (a, b, c, d) in enumerate(LANES):
            for word, turn_d, turn_b in ((words[2 * index], 16, 12), (words[2 * index + 1], 8, 7)):
                state[a] = (state[a] + state[b] + word) & MASK
                mixed = state[d] ^ state[a]
                state[d] = (mixed >> turn_d | mixed << 32 - turn_d) & MASK
                state[c] = (state[c] + state[d]) & MASK
                mixed = state[b] ^ state[c]
                state[b] = (mixed >> turn_b | mixed << 32 - turn_b) & MASK
        words = [words[i] for i in PERMUTATION]
    return [state[i] ^ state[i + 8] for i in range(8)]


def subtree(data, first, root):
    """The chaining value of the chunks in data, the first of which is number `first` of the input."""
    if len(data) > 1024:
        left = 1024 << ((len(data) - 1) // 1024).bit_length() - 1
        words = subtree(data[:left], first, 0) + subtree(data[left:], first + left // 1024, 0)
        return compress(IV, words, 0, 64, PARENT | root)
    value = IV
    for at in range(0, max(len(data), 1), 64):
        block = data[at:at + 64]
        padded = block.ljust(64, b"\0")
        words = [int.from_bytes(padded[i:i + 4], "little") for i in range(0, 64, 4)]
        flags = CHUNK_START if at == 0 else 0
        if at + 64 >= len(data):
            flags |= CHUNK_END | root
        value = compress(value, words, first, len(block), flags)
    return value


class blake3:  # noqa: N801, the name of the package's class
    """The part of the package's interface that restore.py uses."""

    def __init__(self, data=b""):
        self.data = bytearray(data)

    def update(self, data):
        self.data += data
        return self

    def hexdigest(self):
        words = subtree(bytes(self.data), 0, ROOT)
        return b"".join(word.to_bytes(4, "little") for word in words).hex()
