// The page redraws itself when the simulator says that something changed: it fetches itself and swaps the parts.
"use strict";

const parts = ["sidebar", "members", "messages", "thread", "modal"];
let busy = false;
let again = false;

function localTimes(root) {
  for (const t of root.querySelectorAll("time")) {
    const at = new Date(t.dateTime);
    t.textContent = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    t.title = at.toLocaleString();
  }
}

function atEnd(el) {
  return el.scrollHeight - el.scrollTop - el.clientHeight < 80;
}

function swap(fresh) {
  for (const id of parts) {
    const old = document.getElementById(id);
    const now = fresh.getElementById(id);
    if (now) localTimes(now);
    if (!old || !now || old.innerHTML === now.innerHTML) continue;
    // What someone is typing stays.
    if (old.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) continue;
    const follow = atEnd(old);
    const inner = old.querySelector(".scroll");
    const top = inner ? inner.scrollTop : old.scrollTop;
    const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceChildren(...now.childNodes);
    if (inner) old.querySelector(".scroll").scrollTop = top;
    else old.scrollTop = follow ? old.scrollHeight : top;
    // Whoever came here by keyboard stays where they were.
    if (focused) old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

async function redraw() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(location.href);
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The simulator is away; the event stream says when it is back.
  }
  busy = false;
  if (again) {
    again = false;
    redraw();
  }
}

// Enter in a search field searches, and does not send the form.
for (const press of ["keydown", "keypress"]) {
  document.addEventListener(press, (e) => {
    const find = e.key === "Enter" && e.target.closest(".find");
    if (!find) return;
    e.preventDefault();
    if (press === "keydown") find.querySelector("button").click();
  });
}

// A choice that the app is told of at once, which may answer with another form.
document.addEventListener("change", (e) => {
  const told = e.target.dataset.tells;
  if (told) e.target.form.querySelector(`button[value="${CSS.escape(told)}"]`).click();
});

// A button with a link opens it, and tells the app too.
document.addEventListener("click", (e) => {
  const link = e.target.closest("a[data-press]");
  if (link) fetch(link.closest("form").getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(link.closest("form"))) });
});

document.documentElement.classList.add("scripted");
localTimes(document);
for (const id of ["messages", "thread"]) {
  const el = document.getElementById(id);
  if (el) el.scrollTop = el.scrollHeight;
}
new EventSource("/live").onmessage = redraw;
