// What on this page is below its bound, and how much was looked at. `found` has rows of: what, its colour, the colour
// behind it, their ratio (WCAG 2.2, "contrast ratio"). Where a gradient is behind it, each of the gradient's colours counts.
(() => {
  const parts = text => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return {rgb: [r, g, b], a} }
  const light = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) }
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at)
      const gradient = style.backgroundImage.match(/rgba?\([^)]*\)/g)
      if (gradient) return gradient
      if (parts(style.backgroundColor).a === 1) return [style.backgroundColor]
      if (parts(style.backgroundColor).a !== 0) throw Error(`${at.tagName} is half transparent: its contrast is not known`)
    }
    return [matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)"]
  }
  const found = []
  let looked = 0
  const look = (what, colour, backgrounds, bound) => {
    looked += 1
    for (const each of backgrounds) {
      const is = ratio(parts(colour).rgb, parts(each).rgb)
      if (is < bound) found.push([what, colour, each, Math.round(is * 100) / 100])
    }
  }
  for (const element of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(element)
    const name = `${element.tagName.toLowerCase()} "${(element.textContent || element.name || "").trim().slice(0, 30)}"`
    const has_text = [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())
    if (has_text && element.tagName !== "STYLE") look(name, style.color, behind(element), 4.5)
    if (element.placeholder) look(`${name} placeholder`, getComputedStyle(element, "::placeholder").color, behind(element), 4.5)
    if (element.matches("input, textarea, select")) {
      look(`${name} typed`, style.color, behind(element), 4.5)
      look(`${name} border`, style.borderTopColor, behind(element.parentElement), 3)
    }
    if (element.matches(":focus-visible")) {
      if (style.outlineStyle === "none") found.push([`${name} has no mark of focus`])
      look(`${name} focus`, style.outlineColor, behind(element.parentElement), 3)
    }
  }
  return {found, looked}
})()
