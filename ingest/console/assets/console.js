// What a page does without asking the server: one box ticks all of a name.
"use strict";
document.addEventListener("change", (event) => {
  const name = event.target.dataset?.all;
  if (!name) return;
  for (const box of event.target.form.querySelectorAll(`input[type=checkbox][name="${CSS.escape(name)}"]`)) box.checked = event.target.checked;
});
// A list that is drawn anew, since it has changed, keeps what was ticked in it.
let ticked = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  ticked = Array.from(event.target.querySelectorAll("input[type=checkbox][name]:checked"), (box) => box.value);
});
document.addEventListener("htmx:afterSwap", (event) => {
  for (const box of event.target.querySelectorAll("input[type=checkbox][name]")) if (ticked.includes(box.value)) box.checked = true;
});
// Times and days of quiet hours say that there are some.
document.addEventListener("input", (event) => {
  const own = event.target.closest(".hours, .days")?.closest("form").querySelector("input[name=mode][value=hours]");
  if (own) own.checked = true;
});
// On a phone the navigation is a strip, wider than the screen: where one is stands in sight.
document.querySelector("nav.side [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest", behavior: "instant" });
document.documentElement.classList.add("scripted");
