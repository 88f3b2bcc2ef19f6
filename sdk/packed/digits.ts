/** Characters of 32 bytes in hexadecimal digits, with what they begin with. */
export const ID_LENGTH = 66;
const WORDS = 8;
const DIGITS_OF_WORD = 8;

/** What each character counts as a digit; more than 15 for what is none. */
const DIGIT_OF_CODE = new Uint8Array(128).fill(255);
const CODE_OF_DIGIT = new Uint8Array(16);
for (let digit = 0; digit < 16; ++digit) {
  const text = digit.toString(16);
  CODE_OF_DIGIT[digit] = text.charCodeAt(0);
  for (const one of [text, text.toUpperCase()]) DIGIT_OF_CODE[one.charCodeAt(0)] = digit;
}

/** Reads the 32 bytes that a text begins with into eight words; says whether there are such. */
export function readId(text: string, words: Uint32Array): boolean {
  if (text.length < ID_LENGTH || !text.startsWith("0x")) return false;
  let every = 0;
  for (let word = 0, at = 2; word < WORDS; ++word) {
    let value = 0;
    for (const end = at + DIGITS_OF_WORD; at < end; ++at) {
      const digit = DIGIT_OF_CODE[text.charCodeAt(at)] ?? 255;
      every |= digit;
      value = (value << 4) | digit;
    }
    words[word] = value;
  }
  return every < 16;
}

/** Eight words in hexadecimal digits, in lower case. */
export function writeId(words: Uint32Array): `0x${string}` {
  const codes = new Array<number>(ID_LENGTH);
  [codes[0], codes[1]] = [48, 120];
  for (let word = 0, at = 2; word < WORDS; ++word) {
    const value = words[word] as number;
    for (let bits = 28; bits >= 0; bits -= 4) {
      codes[at++] = CODE_OF_DIGIT[(value >>> bits) & 15] as number;
    }
  }
  return String.fromCharCode(...codes) as `0x${string}`;
}
