// The chat page: shows what /chat/events brings and posts what the user says to /chat/messages.

const find = (id) => document.getElementById(id);
const root = document.documentElement;
const messages = find("messages");
const typing = find("typing");
const newest = find("newest");
const notice = find("notice");
const text = find("text");
const language = find("language");
const locationButton = find("location");

const LINK = /https?:\/\/[^\s<>"\u2066-\u2069]+|(?:tel:)?\+39(?:[ .\-\u00a0]?\d){5,11}/g;
const CLOSING = /[.,;:!?'»”’\]}،؛؟。।]+$/u;
const SAFE_PROTOCOLS = ["http:", "https:", "tel:", "mailto:", "tg:"];
const LOST_AFTER = 3000;
const RECONNECT_AFTER = 5000;
const POST_TIMEOUT = 20000;
const TYPING_FOR = 15000;

let words = JSON.parse(document.body.dataset.words);
let typingTimer, lostTimer;
const seen = new Set();
const unechoed = []; // Own messages on the page which the server has not sent back yet.

/** An element with a class and a text. */
function make(tag, className = "", content = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = content;
  return element;
}

/** crypto.randomUUID does not exist on plain http. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Whether an address is one to follow. URL.canParse is missing on phones not that old. */
function isSafe(url) {
  try {
    return SAFE_PROTOCOLS.includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

/** An anchor, or null when the address is not one to follow. */
function makeLink(url, content = "", className = "") {
  if (!isSafe(url)) return null;
  const link = make("a", className, content);
  link.href = url;
  if (url.startsWith("http")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  return link;
}

/** An address without the punctuation of the sentence around it. */
function withoutClosing(address) {
  const shorter = address.replace(CLOSING, "");
  return shorter.endsWith(")") && !shorter.includes("(") ? withoutClosing(shorter.slice(0, -1)) : shorter;
}

/** Put a text into an element, with its addresses and telephone numbers as anchors. */
function fillText(element, content) {
  let from = 0;
  for (const match of content.matchAll(LINK)) {
    const shown = withoutClosing(match[0]);
    const url = shown.startsWith("http") ? shown : `tel:${shown.replace(/[^+\d]/g, "")}`;
    const link = makeLink(url, shown.replace(/^tel:/, ""));
    if (!link) continue;
    link.dir = "ltr";
    element.append(content.slice(from, match.index), link);
    from = match.index + shown.length;
  }
  element.append(content.slice(from));
}

// Scrolling

const atEnd = () => messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;

function scrollToEnd() {
  messages.scrollTop = messages.scrollHeight;
  newest.hidden = true;
}

/** Change the page and stay at the newest message, if it was in sight. */
function keepingEnd(change) {
  const stay = atEnd();
  change();
  if (stay) scrollToEnd();
  return stay;
}

// Messages

function makeButton({ title, payload, url, request_location: requestLocation }) {
  if (url) return makeLink(url, title);
  const button = make("button", "", title);
  button.type = "button";
  button.addEventListener("click", () => (requestLocation ? shareLocation(button) : post({ payload, title }, title)));
  return button;
}

function makeVenue({ latitude, longitude, title, address }) {
  const place = `mlat=${Number(latitude)}&mlon=${Number(longitude)}#map=17/${Number(latitude)}/${Number(longitude)}`;
  const link = makeLink(`https://www.openstreetmap.org/?${place}`, "", "venue");
  if (title) link.append(make("strong", "", title));
  if (address) link.append(make("span", "", address));
  if (!link.textContent) link.textContent = `${latitude}, ${longitude}`;
  return link;
}

/** The element of a message. */
function makeMessage({ mine, title, text: content, buttons = [], venue, language: code, direction }) {
  const article = make("article", `message ${mine ? "mine" : "bot"}`);
  const sender = make("span", "hidden-label", mine ? words.you : words.bot);
  sender.lang = root.lang;
  const bubble = make("div", "bubble");
  // An own message lies at the end side of the page, whichever way its text runs.
  const directed = mine ? bubble : article;
  directed.dir = direction || "auto";
  if (code) directed.lang = code;
  if (title) bubble.append(make("p", "title", title));
  if (content) {
    const paragraph = make("p", "text");
    fillText(paragraph, content);
    bubble.append(paragraph);
  }
  if (venue) bubble.append(makeVenue(venue));
  article.append(sender, bubble);
  const shown = (buttons || []).map(makeButton).filter(Boolean);
  if (shown.length) {
    const row = make("div", "buttons");
    row.append(...shown);
    article.append(row);
  }
  return article;
}

function showTyping(active) {
  clearTimeout(typingTimer);
  keepingEnd(() => (typing.hidden = !active));
  if (active) typingTimer = setTimeout(showTyping, TYPING_FOR, false);
}

/** Show a message of the server, unless it is here already. */
function receive(message) {
  // What is not kept on the server comes without a number and is never repeated.
  if (message.id && seen.has(message.id)) return;
  if (message.id) seen.add(message.id);
  if (message.mine) {
    const same = (own) => own.content === message.text?.trim() || (own.isLocation && (message.venue || !message.text));
    const at = unechoed.findIndex(same);
    if (at >= 0) {
      setState(unechoed[at], "");
      unechoed.splice(at, 1);
      return;
    }
  } else {
    showTyping(false);
  }
  const stayed = keepingEnd(() => messages.append(makeMessage(message)));
  if (!stayed && !message.mine) newest.hidden = false;
}

// Sending

/** Show an own message as "pending", "failed" or, with "", as sent. */
function setState(own, state, explanation = "", retry = false) {
  const { article } = own;
  keepingEnd(() => {
    article.classList.toggle("pending", state === "pending");
    article.classList.toggle("failed", state === "failed");
    own.line.textContent = explanation;
    if (!retry) return;
    const again = make("button", "retry", `↻ ${words.send}`);
    again.type = "button";
    again.addEventListener("click", () => deliver(own));
    own.line.append(again);
  });
}

/** Post an own message; again with the same id, so that the server takes it once. */
async function deliver(own) {
  if (!unechoed.includes(own)) unechoed.push(own);
  setState(own, "pending", "…");
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(), POST_TIMEOUT);
  try {
    const response = await fetch("chat/messages", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: own.body,
      signal: tooLong.signal,
    });
    if (response.ok) {
      setState(own, "");
      return;
    }
    const { error } = await response.json().catch(() => ({}));
    fail(own, error || words.connection_lost, response.status !== 413);
    // What the server refused it will not send back.
    if (unechoed.includes(own)) unechoed.splice(unechoed.indexOf(own), 1);
  } catch {
    fail(own, words.connection_lost, true);
  } finally {
    clearTimeout(timer);
  }
}

function fail(own, explanation, retry) {
  // The answer may get lost after the server took the message and sent it back.
  if (!unechoed.includes(own)) return;
  setState(own, "failed", explanation, retry);
  if (own.isLanguage) language.value = root.lang;
}

/** Show an own message and send it. */
function post(content, shown) {
  const article = makeMessage({ mine: true, text: shown });
  const line = make("p", "state");
  article.append(line);
  const own = {
    article,
    line,
    content: shown.trim(),
    isLocation: "location" in content,
    isLanguage: content.payload?.startsWith("/set_language") ?? false,
    body: JSON.stringify({ id: uuid(), ...content }),
  };
  messages.append(article);
  scrollToEnd();
  deliver(own);
}

function shareLocation(button) {
  notice.textContent = "";
  const fail = () => {
    button.removeAttribute("aria-busy");
    notice.textContent = words.location_failed;
  };
  if (!navigator.geolocation) return fail();
  button.setAttribute("aria-busy", "true");
  const send = ({ coords: { latitude, longitude } }) => {
    button.removeAttribute("aria-busy");
    post({ location: { latitude, longitude } }, words.share_location);
  };
  navigator.geolocation.getCurrentPosition(send, fail, { timeout: 15000, maximumAge: 60000 });
}

// The page

/** Say everything in the language of the page. */
function translate(page) {
  words = { ...words, ...page.words };
  root.lang = page.language;
  root.dir = page.direction;
  language.value = page.language;
  document.title = words.title;
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = words[element.dataset.word];
  }
  for (const element of document.querySelectorAll("[data-word-label]")) {
    element.setAttribute("aria-label", words[element.dataset.wordLabel]);
  }
  text.placeholder = words[text.dataset.wordPlaceholder];
  notice.textContent = "";
}

function fitText() {
  // Left alone, an empty field with dir=auto would show an Arabic placeholder from left to right.
  text.dir = text.value ? "auto" : "";
  keepingEnd(() => {
    text.style.blockSize = "auto";
    text.style.blockSize = `${text.scrollHeight + text.offsetHeight - text.clientHeight}px`;
  });
}

function connect() {
  const events = new EventSource("chat/events");
  const on = (name, act) => events.addEventListener(name, act);
  on("open", () => {
    clearTimeout(lostTimer);
    lostTimer = undefined;
    if (notice.textContent === words.connection_lost) notice.textContent = "";
  });
  on("message", (event) => receive(JSON.parse(event.data)));
  on("typing", () => showTyping(true));
  on("page", (event) => translate(JSON.parse(event.data)));
  on("error", () => {
    showTyping(false);
    lostTimer ??= setTimeout(() => (notice.textContent = words.connection_lost), LOST_AFTER);
    // After an error of HTTP the browser gives up; it does not after a lost connection.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_AFTER);
  });
}

find("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const content = text.value.trim();
  if (!content) return;
  text.value = "";
  fitText();
  post({ text: content }, content);
  text.focus();
});

text.addEventListener("input", fitText);
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  find("composer").requestSubmit();
});

language.addEventListener("change", () => {
  const payload = `/set_language${JSON.stringify({ language: language.value })}`;
  post({ payload, title: language.selectedOptions[0].textContent }, language.selectedOptions[0].textContent);
});

locationButton.addEventListener("click", () => shareLocation(locationButton));
newest.addEventListener("click", scrollToEnd);
messages.addEventListener("scroll", () => atEnd() && (newest.hidden = true));

// Opening the keyboard of a phone must not hide the newest message.
let height = messages.clientHeight;
new ResizeObserver(() => {
  const grownBy = messages.clientHeight - height;
  height = messages.clientHeight;
  if (messages.scrollHeight - messages.scrollTop - height + grownBy < 80) scrollToEnd();
}).observe(messages);

connect();

// A link on a desk's door names what to show; once it was asked for, opening the page again must not ask anew.
if (document.body.dataset.start) {
  history.replaceState(null, "", location.pathname);
  post({ payload: document.body.dataset.start, title: words.start }, words.start);
}
