"""What a page owes its readers, as questions to a browser; the answer to each is what does not keep it.

assert page.evaluate(NAMELESS) == []
"""

NAMELESS = """() => [...document.querySelectorAll('a, button, input, select, [role], svg[role=img], main section')]
  .filter((each) => each.checkVisibility() && !(each.textContent.trim() || each.getAttribute('aria-label')
    || (each.getAttribute('aria-labelledby') ?? '').split(' ').some((id) => document.getElementById(id)?.textContent)
    || each.labels?.length))
  .map((each) => each.outerHTML.slice(0, 80))"""
"""What a screen reader could not name."""

DOUBLE = """() => { const ids = [...document.querySelectorAll('[id]')].map((each) => each.id);
  return ids.filter((id, index) => ids.indexOf(id) !== index); }"""
"""Ids that are there twice."""

MOVING = """() => [...document.querySelectorAll('*')].map((each) => getComputedStyle(each))
  .filter((style) => style.transitionDuration !== '0s' || style.animationName !== 'none')
  .map((style) => style.transition + style.animationName)"""
"""What moves although the reader asked for rest."""

PALE = """() => {
  const paint = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
    .getContext('2d', { willReadFrequently: true });
  const rgb = (...colours) => {
    for (const colour of colours) { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); }
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (parts) => parts.map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const grounds = (each) => each ? [...grounds(each.parentElement), getComputedStyle(each).backgroundColor] : [];
  const own = (each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  return [...document.querySelectorAll('body *')].filter((each) => each.checkVisibility() && own(each))
    .map((each) => {
      const style = getComputedStyle(each);
      const ink = each.closest('svg') ? style.fill : style.color;
      const [a, b] = [light(rgb(...grounds(each))), light(rgb(...grounds(each), ink))];
      const large = parseFloat(style.fontSize) >= 24;
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return contrast < (large ? 3 : 4.5) ? `${each.tagName} ${each.textContent} ${contrast.toFixed(1)}` : '';
    }).filter(Boolean);
}"""
"""Text whose contrast with the ground is less than WCAG 2.2, 1.4.3, asks for."""
