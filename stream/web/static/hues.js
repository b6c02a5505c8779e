// A colour and a line style for each mood: the class hue-N, which frame.css knows. Moods we know have theirs, so that
// happy is gold on every page, as on the screen (stream/common/colours.py); others take the hues left over, in the
// model's order.

const KNOWN = { happy: 0, tense: 1, angry: 2, tender: 3, nostalgic: 5, sad: 6, calm: 8, solemn: 10, powerful: 11 };
const OTHERS = [4, 7, 9];

export function hueOf(mood, labels = []) {
  if (Object.hasOwn(KNOWN, mood)) return `hue-${KNOWN[mood]}`;
  const place = labels.filter((label) => !Object.hasOwn(KNOWN, label)).indexOf(mood);
  return `hue-${OTHERS[Math.max(place, 0) % OTHERS.length]}`;
}
