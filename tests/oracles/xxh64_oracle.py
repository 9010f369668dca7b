"""XXH64 as its specification is written: steps 1 to 7, with seed 0, in whole numbers."""

MASK = 2**64 - 1
PRIME_1 = 0b1001111000110111011110011011000110000101111010111100101010000111
PRIME_2 = 0b1100001010110010101011100011110100100111110101001110101101001111
PRIME_3 = 0b0001011001010110011001111011000110011110001101110111100111111001
PRIME_4 = 0b1000010111101011110010100111011111000010101100101010111001100011
PRIME_5 = 0b0010011111010100111010110010111100010110010101100110011111000101


def rotated(word, bits):
    return (word << bits | word >> 64 - bits) & MASK


def round_of(accumulator, lane):
    return rotated((accumulator + lane * PRIME_2) & MASK, 31) * PRIME_1 & MASK


def xxh64(content):
    lanes = [int.from_bytes(content[k : k + 8], "little") for k in range(0, len(content) // 8 * 8, 8)]
    used = 0
    if len(content) >= 32:
        four = [(PRIME_1 + PRIME_2) & MASK, PRIME_2, 0, (-PRIME_1) & MASK]
        for stripe in range(len(content) // 32):
            four = [round_of(four[k], lanes[4 * stripe + k]) for k in range(4)]
        used = 4 * (len(content) // 32)
        found = sum(rotated(word, bits) for word, bits in zip(four, (1, 7, 12, 18), strict=True)) & MASK
        for word in four:
            found = ((found ^ round_of(0, word)) * PRIME_1 + PRIME_4) & MASK
    else:
        found = PRIME_5
    found = (found + len(content)) & MASK
    for lane in lanes[used:]:
        found = (rotated(found ^ round_of(0, lane), 27) * PRIME_1 + PRIME_4) & MASK
    rest = content[8 * len(lanes) :]
    if len(rest) >= 4:
        found ^= int.from_bytes(rest[:4], "little") * PRIME_1 & MASK
        found, rest = (rotated(found, 23) * PRIME_2 + PRIME_3) & MASK, rest[4:]
    for byte in rest:
        found = rotated(found ^ (byte * PRIME_5 & MASK), 11) * PRIME_1 & MASK
    found = (found ^ found >> 33) * PRIME_2 & MASK
    found = (found ^ found >> 29) * PRIME_3 & MASK
    return f"{found ^ found >> 32:016x}"
