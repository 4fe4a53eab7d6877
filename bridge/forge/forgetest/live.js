"use strict";
// Renews the thread every two seconds while the page is visible. What was folded open stays so.
const thread = document.getElementById("thread");
async function renew() {
  if (document.hidden || !thread) return;
  const answer = await fetch(location.pathname + "/thread").catch(() => null);
  if (!answer || !answer.ok) return;
  const text = await answer.text();
  if (text === renew.last) return;
  const first = renew.last === undefined;
  renew.last = text;
  if (first) return;
  const open = [...thread.querySelectorAll("details")].map((d) => d.open);
  thread.innerHTML = text;
  thread.querySelectorAll("details").forEach((d, i) => { if (i in open) d.open = open[i]; });
}
setInterval(renew, 2000);
