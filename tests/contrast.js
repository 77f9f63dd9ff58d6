// What on this page has less than 4.5:1 to what is behind it (WCAG 2.2, "contrast ratio"), and how much was looked at.
// `found` has rows of: what, its colour, the colour behind it, their ratio.
//
// What is behind a text is what the browser paints there: the elements under its place, from the top down, each over the
// next, as far as the first that is opaque. A gradient counts with each of its colours.
(() => {
  const BOUND = 4.5
  const CONTROLS = "button, input, select, textarea, [role=button], [contenteditable]"
  const DRAWN_BY_BROWSER = "[type=checkbox], [type=radio], [type=range], [type=file], [type=color], [type=hidden]"
  const SILENT = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "HEAD", "TITLE", "OPTION", "OPTGROUP", "DATALIST"])
  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d", {willReadFrequently: true})
  const known = new Map()
  const rgba = text => {
    if (!known.has(text)) {
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = text
      canvas.fillRect(0, 0, 1, 1)
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
      known.set(text, [r, g, b, a / 255])
    }
    return known.get(text)
  }
  const over = ([r, g, b, a], below) => [r, g, b].map((v, i) => v * a + below[i] * (1 - a)).concat(1)
  const light = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) }
  const shown = ([r, g, b]) => `rgb(${[r, g, b].map(Math.round)})`
  const above = element => element.parentElement ?? element.getRootNode().host
  // Nothing changes while we look, so what is known of an element is asked of the browser once.
  const once = find => {
    const found = new Map()
    return element => found.get(element) ?? found.set(element, find(element)).get(element)
  }
  const opacity = once(element => Number(getComputedStyle(element).opacity) * (above(element) ? opacity(above(element)) : 1))
  const CANVAS = rgba(matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(document.documentElement)
    .colorScheme.includes("dark") ? "rgb(18,18,18)" : "rgb(255,255,255)")

  // The colours that an element paints as its ground: none, one, or those of a gradient.
  const grounds = once(element => {
    const style = getComputedStyle(element)
    if (element instanceof SVGTextContentElement) return []
    if (element instanceof SVGElement && !(element instanceof SVGSVGElement)) {
      const url = style.fill.match(/url\("?#([^")]+)/)
      if (url) return [...document.querySelectorAll(`[id="${url[1]}"] stop`)].map(each => rgba(getComputedStyle(each).stopColor))
      return style.fill === "none" ? [] : [rgba(style.fill)]
    }
    const behind = style.backgroundColor === "rgba(0, 0, 0, 0)" ? [] : [rgba(style.backgroundColor)]
    if (style.backgroundImage.includes("url(")) throw Error(`${element.tagName} has a picture behind: its contrast is not known`)
    const gradient = style.backgroundImage.match(/(?:rgba?|color|okl..|oklab|lab|lch|hsla?)\([^)]*\)/g)
    return gradient ? [...gradient.map(rgba), ...(behind.length && style.backgroundRepeat === "no-repeat" ? behind : [])] : behind
  })
  const composed = elements => {
    const [first, ...below] = elements
    if (!first) return [CANVAS]
    const own = grounds(first).map(([r, g, b, a]) => [r, g, b, a * opacity(first)])
    if (own.length === 0) return composed(below)
    return own.flatMap(each => each[3] >= 0.999 ? [each] : composed(below).map(under => over(each, under)))
  }
  const ancestors = element => { const list = []; for (let at = element; at; at = above(at)) list.push(at); return list }
  // The elements under a point, from `element` down; its ancestors if it can't be hit there.
  const under = (element, x, y) => {
    const hit = element.getRootNode().elementsFromPoint(x, y)
    const from = hit.indexOf(element)
    if (from < 0) return ancestors(element)
    const stack = new Set()
    for (const each of hit.slice(from)) {
      stack.add(each)
      // A row of a table paints its ground under its cells, but is not hit.
      for (let at = above(each); at && !hit.includes(at); at = above(at)) stack.add(at)
    }
    return [...stack]
  }
  const outside = element => { const list = under(element, ...middle(element.getBoundingClientRect())); return list.slice(list.indexOf(element) + 1) }
  const middle = box => [box.left + box.width / 2, box.top + box.height / 2]
  const into_view = element => {
    const box = element.getBoundingClientRect()
    const [x, y] = middle(box)
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight || !element.getRootNode().elementsFromPoint(x, y).includes(element))
      element.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"})
  }

  const found = new Map()
  let looked = 0
  const look = (what, colour, behind, bound = BOUND) => {
    looked += 1
    for (const ground of behind) {
      const is = ratio(over(colour, ground), ground)
      if (is < bound) found.set(`${what} ${ground}`, [what, shown(over(colour, ground)), shown(ground), Math.round(is * 100) / 100])
    }
  }
  const text_of = element => [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE && node.data.trim())
  const colour_of = (element, style, property = "color") => {
    const [r, g, b, a] = rgba(style[property])
    return [r, g, b, a * opacity(element)]
  }

  // The element with the mark of the focus: the one that has it, or its row, or the label beside it.
  const ring_of = element => {
    const is_ringed = each => getComputedStyle(each).outlineStyle !== "none" && parseFloat(getComputedStyle(each).outlineWidth) >= 1
    if (is_ringed(element)) return element
    const beside = [...ancestors(element), ...(element.parentElement?.querySelectorAll("*") ?? [])]
    return beside.find(each => each.tabIndex < 0 && is_ringed(each))
  }

  const visit = root => {
    for (const each of root.querySelectorAll("details")) each.open = true
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) visit(element.shadowRoot)
      if (is_forced && !element.closest("[data-forced]")) continue  // it looks as it did without
      if (SILENT.has(element.tagName) || !element.checkVisibility({visibilityProperty: true})) continue
      const style = getComputedStyle(element)
      const words = (element.textContent || element.name || element.id || "").trim().replace(/\s+/g, " ").slice(0, 30)
      const name = `${element.tagName.toLowerCase()} "${words}"`
      const texts = text_of(element)
      if (texts.length) {
        into_view(element)
        for (const node of texts) {
          const range = document.createRange()
          range.selectNodeContents(node)
          const box = [...range.getClientRects()].find(each => each.width > 1 && each.height > 1)
          if (box) look(name, colour_of(element, style, element instanceof SVGElement ? "fill" : "color"), composed(under(element, ...middle(box))))
        }
      }
      for (const part of ["::before", "::after"]) {
        const made = getComputedStyle(element, part)
        if (/[^\s"]/.test(made.content.replace(/^(none|normal)$/, "")) && /^"/.test(made.content))
          look(`${name} ${part}`, colour_of(element, made), composed(ancestors(element)))
      }
      if (element.matches("input, textarea, select") && !element.matches(DRAWN_BY_BROWSER)) {
        into_view(element)
        look(`${name} typed`, colour_of(element, style), composed(under(element, ...middle(element.getBoundingClientRect()))))
        if (element.placeholder) {
          const dim = getComputedStyle(element, "::placeholder")
          const [r, g, b, a] = rgba(dim.color)
          look(`${name} placeholder`, [r, g, b, a * opacity(element) * Number(dim.opacity)], composed(ancestors(element)))
        }
      }
      if (element.matches(CONTROLS) && !element.matches(DRAWN_BY_BROWSER)) {
        // A control is seen by its border, or by its ground: the one that stands out more.
        const behind = composed(outside(element))
        const drawn = style.borderTopStyle !== "none" && parseFloat(style.borderTopWidth) > 0 ? [colour_of(element, style, "borderTopColor")] : []
        const marks = [...drawn, ...grounds(element)]
        const best = ground => Math.max(1, ...marks.map(each => ratio(over(each, ground), ground)))
        looked += 1
        for (const ground of behind) {
          if (best(ground) < BOUND) found.set(`${name} edge ${ground}`, [`${name} edge`, marks.map(shown).join(" or "), shown(ground), Math.round(best(ground) * 100) / 100])
        }
      }
      if (element.matches(":focus-visible, [data-forced~=focus-visible]") && element.tabIndex >= 0 && !element.disabled) {
        const ringed = ring_of(element)
        if (!ringed) found.set(`${name} focus`, [`${name} has no mark of focus`])
        else look(`${name} focus`, colour_of(ringed, getComputedStyle(ringed), "outlineColor"), composed(outside(ringed)))
      }
    }
  }
  const is_forced = document.querySelector("[data-forced]") !== null
  // What the pointer passes through is painted too.
  const all_are_hit = Object.assign(document.createElement("style"), {textContent: "* { pointer-events: auto !important }"})
  document.head.append(all_are_hit)
  visit(document)
  all_are_hit.remove()
  scrollTo(0, 0)
  return {found: [...found.values()], looked}
})()
