"use strict";
(() => {
  const form = document.getElementById("filters");
  const rules = form ? [...document.querySelectorAll(".rule")].map((element) => ({
    element,
    code: element.dataset.rule,
    severity: element.dataset.severity,
    someOf: element.querySelector(".some-of"),
    parts: [...element.querySelectorAll(".part")].map((part) => ({
      element: part,
      table: part.dataset.table,
      head: part.querySelector("h4").textContent.toLowerCase(),
      lines: [...part.querySelectorAll("li")].map((line) => ({ element: line, site: line.dataset.s, accepted: "a" in line.dataset })),
    })),
  })) : [];
  const every = rules.reduce((sum, rule) => sum + rule.parts.reduce((inner, part) => inner + part.lines.length, 0), 0);
  const openBelow = 300;
  const status = document.getElementById("shown");
  const unfiltered = status?.textContent;
  const numbers = new Intl.NumberFormat("en");

  const words = (line) => (line.words ??= line.element.textContent.toLowerCase());
  const patient = (line) => (line.patient ??= line.element.firstElementChild.textContent.toLowerCase());

  function apply() {
    const wanted = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    const text = wanted.text.toLowerCase();
    const who = wanted.patient.toLowerCase();
    const filtering = Object.values(wanted).some(Boolean);
    const shown = new Map();
    let total = 0;
    for (const rule of rules) {
      const named = rule.code.toLowerCase();
      const fits = (!wanted.rule || wanted.rule === rule.code) && (!wanted.severity || wanted.severity === rule.severity);
      let inRule = 0;
      for (const part of rule.parts) {
        const partFits = fits && (!wanted.table || wanted.table === part.table);
        const inHead = !text || part.head.includes(text) || named.includes(text);
        let inPart = 0;
        for (const line of part.lines) {
          const fitting = partFits
            && (!wanted.site || wanted.site === line.site)
            && (!wanted.status || (wanted.status === "accepted") === line.accepted)
            && (!who || patient(line).includes(who))
            && (inHead || words(line).includes(text));
          if (fitting === line.off || line.off === undefined) {
            line.element.classList.toggle("off", !fitting);
            line.off = !fitting;
          }
          inPart += fitting;
        }
        part.element.classList.toggle("off", !inPart);
        inRule += inPart;
      }
      shown.set(rule, inRule);
      total += inRule;
    }
    for (const rule of rules) {
      const inRule = shown.get(rule);
      rule.element.classList.toggle("off", filtering && !inRule);
      rule.someOf.textContent = filtering ? `${numbers.format(inRule)} of ` : "";
      if (filtering && inRule && total <= openBelow) rule.element.open = true;
    }
    status.textContent = filtering ? `${numbers.format(total)} of ${numbers.format(every)} ${every === 1 ? "finding" : "findings"}.` : unfiltered;
  }

  if (form) {
    let waiting;
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      clearTimeout(waiting);
      if (event.target.type === "search") waiting = setTimeout(apply, 120);
      else apply();
    });
    form.addEventListener("reset", () => setTimeout(apply));
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-variable]");
      if (!link) return;
      form.reset();
      form.elements.text.value = link.dataset.variable;
      apply();
      form.elements.text.focus({ preventScroll: true });
    });
  }

  const curves = document.getElementById("curve-filters");
  if (curves) {
    const sets = [...document.querySelectorAll(".curves")].map((element) => ({ element, minis: [...element.querySelectorAll(".minis li")] }));
    const draw = () => {
      const who = curves.elements.patient.value.trim().toLowerCase();
      const flagged = curves.elements.flagged.checked;
      for (const set of sets) {
        let shown = 0;
        for (const mini of set.minis) {
          const fitting = (!flagged || "flagged" in mini.dataset) && mini.lastElementChild.textContent.toLowerCase().includes(who);
          mini.classList.toggle("off", !fitting);
          shown += fitting;
        }
        set.element.classList.toggle("off", !shown);
        if (who && shown) set.element.open = true;
      }
    };
    curves.hidden = false;
    curves.addEventListener("submit", (event) => event.preventDefault());
    curves.addEventListener("input", draw);
  }

  function follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    for (let around = target; around; around = around.parentElement) if (around.tagName === "DETAILS") around.open = true;
    if (target.classList.contains("card")) {
      target.querySelector("details").open = true;
      target.focus({ preventScroll: true });
    }
    if (target.tagName === "DETAILS") target.querySelector("summary").focus({ preventScroll: true });
    target.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) setTimeout(follow);
  });
  follow();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("#findings details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });
})();
