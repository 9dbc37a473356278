"use strict";
(() => {
  const form = document.getElementById("find");
  const field = document.getElementById("find-text");
  const status = document.getElementById("found");
  const nothing = document.getElementById("nothing");
  const openBelow = 60;
  const numbers = new Intl.NumberFormat("en");
  const sections = [...document.querySelectorAll("main > section:not(.intro)")].map((element) => ({
    element,
    entries: [...element.querySelectorAll("[data-entry]")].map((entry) => ({ element: entry })),
    groups: [...element.querySelectorAll("details:not([data-entry])")].map((group) => ({
      element: group,
      someOf: group.querySelector(".some-of"),
      head: group.querySelector("h3").textContent.toLowerCase(),
    })),
  }));
  const every = sections.reduce((sum, section) => sum + section.entries.length, 0);
  const words = (entry) => (entry.words ??= entry.element.textContent.toLowerCase());

  function apply() {
    const wanted = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (text) => wanted.every((word) => text.includes(word));
    let total = 0;
    for (const section of sections) {
      const whole = new Set(section.groups.filter((group) => wanted.length && fits(group.head)).map((group) => group.element));
      let inSection = 0;
      for (const entry of section.entries) {
        const fitting = !wanted.length || whole.has(entry.element.parentElement.closest("details")) || fits(words(entry));
        entry.element.classList.toggle("off", !fitting);
        inSection += fitting;
      }
      for (const group of section.groups) {
        const inGroup = group.element.querySelectorAll("[data-entry]:not(.off)").length;
        group.shown = inGroup;
        group.element.classList.toggle("off", !inGroup);
        group.someOf.textContent = wanted.length ? `${numbers.format(inGroup)} of ` : "";
      }
      section.element.classList.toggle("off", !inSection);
      total += inSection;
    }
    for (const section of sections) {
      for (const group of section.groups) group.element.open = Boolean(wanted.length && group.shown && total <= openBelow);
      if (wanted.length && total === 1) for (const entry of section.entries) {
        if (entry.element.tagName === "DETAILS" && !entry.element.classList.contains("off")) entry.element.open = true;
      }
    }
    nothing.classList.toggle("off", total > 0);
    status.textContent = wanted.length ? `${numbers.format(total)} of ${numbers.format(every)} entries` : `${numbers.format(every)} entries`;
  }

  let waiting;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  form.addEventListener("reset", () => setTimeout(apply));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
    }
    if (event.key === "Escape" && event.target === field && field.value) form.reset();
  });
  status.textContent = `${numbers.format(every)} entries`;

  function follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    if (target.closest(".off")) form.reset();
    for (let around = target; around; around = around.parentElement) if (around.tagName === "DETAILS") around.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  follow();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });
})();
