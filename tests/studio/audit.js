// What is wrong with names, roles, focus order, contrast and sizes of targets (WCAG 2.2, AA).
(() => {
  const said = [];
  const seen = (each) => each.checkVisibility() && each.getClientRects().length;
  const name = (each) => (each.getAttribute("aria-label") ||
    document.getElementById(each.getAttribute("aria-labelledby"))?.textContent ||
    each.labels?.[0]?.textContent || each.textContent || each.title || "").trim();
  for (const each of document.querySelectorAll("button, input, select, canvas, dialog, section, nav, aside")) {
    if (seen(each) && !name(each)) said.push(`no name: ${each.outerHTML.slice(0, 80)}`);
  }
  for (const each of document.querySelectorAll("img")) if (!each.hasAttribute("alt")) said.push("an image without alt");
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  if (new Set(ids).size !== ids.length) said.push("an id occurs twice");
  if (!document.documentElement.lang || !document.title || document.querySelectorAll("h1").length !== 1 || !document.querySelector("main"))
    said.push("no language, title, heading or main part");
  for (const each of document.querySelectorAll("[tabindex]")) if (each.tabIndex > 0) said.push("a focus order of its own");
  for (const list of document.querySelectorAll(".virtual ol"))
    if (seen(list) && list.querySelectorAll("button:not([tabindex='-1'])").length > 1) said.push("a list with many stops");
  const channels = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  for (const each of document.querySelectorAll("button, h2, p, label, dt, dd, span, select, input, output")) {
    if (!seen(each) || each.disabled || !(each.textContent || each.value)) continue;
    const found = contrast(light(channels(getComputedStyle(each).color)), light(behind(each)));
    if (found < 4.5) said.push(`contrast ${found.toFixed(1)}: ${each.outerHTML.slice(0, 80)}`);
  }
  for (const each of document.querySelectorAll("button, select")) {
    const { width, height } = each.getBoundingClientRect();
    if (seen(each) && (width < 24 || height < 24)) said.push(`small: ${each.outerHTML.slice(0, 80)}`);
  }
  return said;
})()
