/* Shows what is new in the parts of a page that are marked, and touches nothing else: what is typed stays. */
"use strict";

const parts = [...document.querySelectorAll("[data-refresh]")];
const log = document.querySelector("[role=log]");
const toEnd = () => log && (log.scrollTop = log.scrollHeight);

/** Add and change the entries of a list one by one, so that a screen reader hears only what is new. */
function update(old, now) {
  const wanted = [...now.children];
  if (!wanted.every((child) => child.id)) {
    if (old.innerHTML !== now.innerHTML) old.innerHTML = now.innerHTML;
    return;
  }
  const ids = new Set(wanted.map((child) => child.id));
  for (const child of [...old.children]) if (!ids.has(child.id)) child.remove();
  for (const child of wanted) {
    const shown = document.getElementById(child.id);
    if (!shown) old.append(child);
    else if (shown.outerHTML !== child.outerHTML) shown.replaceWith(child);
  }
}

async function refresh() {
  if (document.hidden || parts.some((part) => part.matches("#queue") && part.contains(document.activeElement))) return;
  const address = new URL(location.href);
  address.searchParams.set("refresh", "");
  const answer = await fetch(address, { redirect: "error" });
  if (!answer.ok) {
    const isTyped = [...document.querySelectorAll("textarea")].some((field) => field.value);
    if (!isTyped) location.reload(); // closed, or somebody else's now
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const isAtEnd = log && log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
  for (const part of parts) {
    const now = page.getElementById(part.id);
    if (now) update(part, now);
  }
  if (isAtEnd) toEnd();
}

if (parts.length) {
  const seconds = Math.min(...parts.map((part) => Number(part.dataset.refresh)));
  setInterval(() => refresh().catch(() => {}), seconds * 1000);
  toEnd();
}
