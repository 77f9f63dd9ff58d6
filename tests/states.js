// Show all that can be pointed at, clicked or typed into as it is in some states: ["hover", "active"], or [] for none.
//
// Each rule that names a state in its selector gets an attribute beside it, of the same specificity, which stands for
// the state: what is forced costs one look at the style sheets and one drawing of the page, however many elements it has.
// (The browser's own command for it, CSS.forcePseudoState, draws the page again for each element.)
(states => {
  const CAN_BE_POINTED_AT = "a, button, input, textarea, select, summary, label, [tabindex], [role], tr, li"
  const STATE = /:(hover|active|focus-visible|focus)(?![\w-])/g
  const ATTRIBUTE = "data-forced"
  const roots = []
  const collect = root => {
    roots.push(root)
    for (const each of root.querySelectorAll("*")) if (each.shadowRoot) collect(each.shadowRoot)
  }
  collect(document)
  const extend = rule => {
    if (rule.selectorText && !rule.selectorText.includes(ATTRIBUTE))
      rule.selectorText = rule.selectorText.replace(STATE, (state, name) => `:is(${state}, [${ATTRIBUTE}~="${name}"])`)
    for (const each of rule.cssRules ?? []) extend(each)
  }
  for (const root of roots) {
    for (const sheet of [...root.styleSheets, ...root.adoptedStyleSheets]) for (const each of sheet.cssRules) extend(each)
    if (!root.hasBrowserRing) {  // the browser's own rule for :focus-visible, below every rule of the page
      const ring = new CSSStyleSheet()
      ring.replaceSync(`@layer { :where([${ATTRIBUTE}~="focus-visible"]) { outline: auto 1px -webkit-focus-ring-color } }`)
      root.adoptedStyleSheets = [ring, ...root.adoptedStyleSheets]
      root.hasBrowserRing = true
    }
    for (const each of root.querySelectorAll(CAN_BE_POINTED_AT)) {
      if (states.length) each.setAttribute(ATTRIBUTE, states.join(" "))
      else each.removeAttribute(ATTRIBUTE)
    }
  }
})
