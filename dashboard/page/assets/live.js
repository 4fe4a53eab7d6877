// Looks again when something happened, shows ages that stay true, and offers to
// copy. Every page works without it.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  // Ages, from the time that each element carries.
  const unit = (n, name) => `${n} ${name}${n === 1 ? "" : "s"}`;
  const about = (s) => s < 60 ? "less than a minute"
    : s < 3600 ? unit(Math.floor(s / 60), "minute")
    : s < 172800 ? unit(Math.floor(s / 3600), "hour") : unit(Math.floor(s / 86400), "day");
  let ahead = 0; // how far the server's clock is ahead of ours, in ms
  const ages = () => {
    for (const t of document.querySelectorAll("time:not([data-clock])")) {
      const s = Math.floor((Date.now() + ahead - Date.parse(t.dateTime)) / 1000);
      if (Number.isNaN(s)) continue;
      t.textContent = s < -1 ? `in ${about(-s)}` : s < 60 ? "just now" : `${about(s)} ago`;
    }
  };
  const clock = document.querySelector("[data-clock]");
  if (clock) ahead = Date.parse(clock.dateTime) - Date.now();
  setInterval(ages, 15000);

  // Copying.
  const offer = () => {
    if (!navigator.clipboard) return;
    for (const pre of document.querySelectorAll("pre[data-copy]")) {
      const box = document.createElement("div");
      box.className = "copyline";
      pre.replaceWith(box);
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copybutton";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(pre.textContent);
        button.textContent = "Copied";
        say("Copied");
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
      pre.removeAttribute("data-copy");
      box.append(pre, button);
    }
  };
  offer();

  const say = (words) => { byId("said").textContent = words; };

  // Parts of the page are replaced by what the server says now. Details keep the
  // state that the reader gave them, and a log's end stays in view.
  const toEnd = () => { for (const pre of document.querySelectorAll("[data-tail]")) pre.scrollTop = pre.scrollHeight; };
  toEnd();
  const key = (d) => d.id || (d.closest("section")?.getAttribute("aria-labelledby") ?? "");
  const replace = (part, fresh) => {
    if (part.innerHTML === fresh.innerHTML) return;
    if (part.contains(document.activeElement) && document.activeElement !== document.body) {
      const old = document.activeElement;
      const same = (e) => e.tagName === old.tagName && e.getAttribute("href") === old.getAttribute("href") && e.textContent === old.textContent;
      const n = [...part.querySelectorAll(old.tagName)].filter(same).indexOf(old);
      queueMicrotask(() => [...part.querySelectorAll(old.tagName)].filter(same)[n]?.focus({ preventScroll: true }));
    }
    const open = new Map([...part.querySelectorAll("details")].map((d) => [key(d), d.open]));
    const tail = part.querySelector("[data-tail]");
    const following = !tail || tail.scrollTop + tail.clientHeight >= tail.scrollHeight - 8;
    const at = tail?.scrollTop;
    part.replaceChildren(...fresh.childNodes);
    for (const d of part.querySelectorAll("details")) if (open.has(key(d))) d.open = open.get(key(d));
    if (following) toEnd(); else part.querySelector("[data-tail]").scrollTop = at;
  };
  let looking = false, again = false;
  const look = async () => {
    if (looking) { again = true; return; }
    looking = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        document.title = fresh.title;
        for (const part of document.querySelectorAll("[data-part]")) {
          const twin = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
          if (twin) replace(part, twin);
        }
        const time = fresh.querySelector("[data-clock]");
        if (time && clock) { clock.dateTime = time.dateTime; clock.textContent = time.textContent; ahead = Date.parse(time.dateTime) - Date.now(); }
        offer();
        ages();
      }
    } catch { /* the stream says when it can be reached again */ }
    setTimeout(() => { looking = false; if (again) { again = false; look(); } }, 1000);
  };

  const stream = document.body.dataset.stream;
  if (!stream || !window.EventSource) return;
  const badge = byId("live");
  const shown = (words, away) => { badge.hidden = false; badge.classList.toggle("away", away); byId("live-words").textContent = words; };
  let source, back;
  const listen = () => {
    clearTimeout(back);
    source = new EventSource(stream);
    source.addEventListener("open", () => shown("live", false));
    source.addEventListener("hello", () => { if (source.wasAway) look(); });
    source.addEventListener("resync", look);
    source.addEventListener("happened", (e) => {
      const what = JSON.parse(e.data);
      if (what.kind === "stage-ended") say(`${what.stage} ${what.outcome}`);
      if (what.kind === "ended") say("The run has ended.");
      look();
    });
    source.addEventListener("error", () => {
      shown("not live", true);
      if (source.readyState === EventSource.CLOSED) back = setTimeout(listen, 10000);
      source.wasAway = true;
    });
  };
  listen();
  // A log grows without events.
  setInterval(() => { if (!document.hidden && document.querySelector(".verdict.busy, .slots .busy")) look(); }, 5000);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (e) => { if (e.persisted) { listen(); look(); } });
})();
