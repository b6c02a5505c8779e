// A colour and a line style for each mood: the class hue-N, which frame.css knows. Moods we know have theirs, so that
// happy is gold on every page; others take the ones left over, in the model's order.

const KNOWN = ["happy", "powerful", "angry", "tense", "nostalgic", "solemn", "sad", "calm", "tender"];
const HUES = 12;

export function hueOf(mood, labels = []) {
  const known = KNOWN.indexOf(mood);
  if (known >= 0) return `hue-${known}`;
  const others = labels.filter((label) => !KNOWN.includes(label));
  const place = others.indexOf(mood);
  return `hue-${(KNOWN.length + (place < 0 ? 0 : place)) % HUES}`;
}
