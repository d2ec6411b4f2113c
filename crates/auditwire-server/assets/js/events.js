// Monitoring → Event log: filters that apply themselves, details in a sheet over the list, live tail.

/** Shows another view of the page that is open (set below). */
let visit;
/** Says something to those who do not see the page change (set below). */
let say;
{
  // Filters. A menu that closes with changes applies them; the content is fetched anew, and the focus stays where it was.
  const query = (form) => {
    const pairs = Array.from(new FormData(form)).filter(([name, value]) => value.trim() !== "" && name !== "zone");
    const dated = pairs.some(([name]) => name === "from" || name === "to");
    if (dated) pairs.push(["zone", form.elements.zone.value]);
    return new URLSearchParams(pairs).toString();
  };
  // Says what was found to those who do not see the table change. It stands outside of what is exchanged.
  const status = document.createElement("p");
  status.className = "sr-only";
  status.setAttribute("role", "status");
  document.body.append(status);
  say = (text) => (status.textContent = text);
  const here = () => location.pathname + location.search;
  let shown = here();
  let asked = 0;
  visit = async (url) => {
    const mine = ++asked;
    dispatchEvent(new Event("leaving"));
    const focused = document.activeElement && document.activeElement.closest("details.menu > summary, input[id]");
    const { response, body } = await fragment(url);
    // Another view was asked for meanwhile.
    if (mine !== asked) return;
    if (!response.ok) return location.assign(url);
    history.pushState({}, "", response.redirected ? response.url : url);
    shown = here();
    fill(document.getElementById("content"), body);
    const again = focused && document.getElementById(focused.id);
    if (again) {
      again.focus();
      if (again.id === "q") again.setSelectionRange(again.value.length, again.value.length);
    }
    say(document.querySelector("[data-found]")?.dataset.found || "");
  };
  // What comes in another order says the same.
  const sorted = (form) => query(form).split("&").sort().join("&");
  const apply = (form) => {
    const text = query(form);
    if (form.dataset.applied === sorted(form)) return;
    form.dataset.applied = sorted(form);
    // Not `form.action`: a field has that name.
    visit(form.getAttribute("action") + (text ? `?${text}` : ""));
  };
  // A jump within the page (the link to the content) comes here, too; it shows nothing else.
  addEventListener("popstate", () => {
    if (here() !== shown) location.reload();
  });
  each("form[data-filters]", (form) => (form.dataset.applied = sorted(form)));
  on("click", ".query-told a.repair", (event, link) => {
    if (!plain(event)) return;
    event.preventDefault();
    visit(link.href).then(() => document.getElementById("q")?.focus());
  });
  // `toggle` does not bubble.
  document.addEventListener("toggle", (event) => {
    const form = event.target.closest && event.target.closest("form[data-filters]");
    if (form && !event.target.open) apply(form);
  }, true);
  on("submit", "form[data-filters]", (event, form) => {
    event.preventDefault();
    const menu = event.submitter && event.submitter.closest("details.menu");
    if (menu) {
      menu.querySelector("summary").focus();
      menu.open = false;
    } else {
      // The same question again: there may be new events.
      delete form.dataset.applied;
    }
    apply(form);
  });

  const plain = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button);

  // Details. Previous and next walk along the list under the sheet.
  const link = (row) => row && row.querySelector("a.row-link");
  const neighbours = (row) => {
    const [above, below] = [row.previousElementSibling, row.nextElementSibling];
    const newestFirst = document.querySelector("#events th.when")?.getAttribute("aria-sort") === "descending";
    return newestFirst ? { next: above, prev: below } : { next: below, prev: above };
  };
  const show = async (dialog, url, row) => {
    const { response, body } = await fragment(url);
    if (!response.ok) return location.assign(url);
    const content = dialog.querySelector(".content");
    fill(content, body);
    dialog.scrollTop = 0;
    dialog.setAttribute("aria-label", content.querySelector("h1")?.textContent || "");
    all("#events tr.open").forEach((other) => other.classList.remove("open"));
    dialog.row = row;
    if (!row || !row.isConnected) return;
    row.classList.add("open");
    row.scrollIntoView({ block: "nearest" });
    for (const [rel, beside] of Object.entries(neighbours(row))) {
      const button = content.querySelector(`.event-nav a[rel=${rel}]`);
      const to = link(beside);
      if (button && to) button.href = to.href;
      else if (button) button.hidden = true;
    }
  };
  const open = async (row) => {
    if (document.querySelector("dialog.sheet")) return;
    const dialog = document.createElement("dialog");
    dialog.className = "sheet";
    const content = document.createElement("div");
    content.className = "content";
    dialog.append(content);
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      const at = dialog.row || row;
      dialog.remove();
      at.classList.remove("open");
      link(at)?.focus();
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    try {
      await show(dialog, link(row).href, row);
      dialog.showModal();
    } catch {
      // The browser says best why the service does not answer.
      location.assign(link(row).href);
    }
  };
  on("click", "#events tr.event", (event, row) => {
    const other = event.target.closest("a, button, input");
    if (!plain(event) || (other && other !== link(row)) || String(getSelection())) return;
    event.preventDefault();
    open(row);
  });
  on("click", ".sheet .event-nav a[rel]", (event, button) => {
    if (!plain(event)) return;
    event.preventDefault();
    const rel = button.rel;
    const dialog = button.closest("dialog");
    const { pathname, search } = new URL(button.href);
    const row = document.querySelector(`#events a.row-link[href="${CSS.escape(pathname + search)}"]`);
    show(dialog, button.href, row && row.closest("tr")).then(() => {
      const again = dialog.querySelector(`.event-nav a[rel=${rel}]`);
      (again && !again.hidden ? again : dialog.querySelector("[data-close]")).focus();
    });
  });

  // From a value to the events with it.
  on("click", ".sheet a.find, .sheet a.find-around", async (event, link) => {
    if (!plain(event)) return;
    event.preventDefault();
    await visit(link.href);
    link.closest("dialog")?.close();
    document.getElementById("q")?.focus();
  });

  // Live tail. The server paces its messages and bounds them; here the table is bounded.
  const ROWS = 500;
  each("[data-tail]", (bar) => {
    const rows = document.querySelector("#events tbody");
    const [pause, resume] = [bar.querySelector("[data-pause]"), bar.querySelector("[data-resume]")];
    const said = bar.querySelector("[data-told]");
    let source, paused = false, held = [], heldCount = 0, untold = 0;
    let last = new URL(bar.dataset.tail, location.href).searchParams.get("after");

    const state = (name) => {
      bar.classList.toggle("paused", name === "paused");
      bar.classList.toggle("lost", name === "lost");
      for (const text of all("[data-when]", bar)) text.hidden = text.dataset.when !== name;
    };
    const put = (fresh) => {
      rows.prepend(...fresh);
      while (rows.rows.length > ROWS) rows.lastElementChild.remove();
      document.querySelector(".tail-waiting")?.toggleAttribute("hidden", true);
    };
    const take = (event) => {
      last = event.lastEventId;
      const table = new DOMParser().parseFromString(`<table>${event.data}</table>`, "text/html");
      const fresh = all("tr", table).map((row) => document.importNode(row, true));
      const count = fresh.reduce((sum, row) => sum + Number(row.dataset.more || 1), 0);
      untold += count;
      fresh.forEach((row) => row.classList.add("arrived"));
      if (!paused) return put(fresh);
      held = fresh.concat(held).slice(0, ROWS);
      heldCount += count;
      resume.querySelector(".held").textContent = heldCount.toLocaleString(document.documentElement.lang);
    };
    const connect = () => {
      if (!bar.isConnected) return;
      const url = new URL(bar.dataset.tail, location.href);
      url.searchParams.set("after", last);
      source = new EventSource(url);
      source.onopen = () => state(paused ? "paused" : "running");
      source.onmessage = (event) => (bar.isConnected ? take(event) : source.close());
      source.onerror = async () => {
        if (!bar.isConnected) return source.close();
        state("lost");
        // The browser tries again by itself, unless the service refused: signed out, or too many tails.
        if (source.readyState !== EventSource.CLOSED) return;
        await fragment(location.href).catch(() => {});
        setTimeout(connect, 5000);
      };
    };
    const turn = (on) => {
      paused = on;
      pause.hidden = on;
      resume.hidden = !on;
      state(on ? "paused" : "running");
      (on ? resume : pause).focus();
      if (on) return;
      put(held);
      held = [];
      heldCount = 0;
      resume.querySelector(".held").textContent = "0";
    };
    pause.addEventListener("click", () => turn(true));
    resume.addEventListener("click", () => turn(false));
    const tell = setInterval(() => {
      if (!bar.isConnected) {
        source.close();
        return clearInterval(tell);
      }
      if (untold > 0) said.textContent = bar.dataset.said.replace("{}", untold);
      untold = 0;
    }, 5000);
    connect();
  });

  // An empty log waits for its first event.
  each("[data-first]", (waiting) => {
    const look = async () => {
      if (!waiting.isConnected) return;
      const found = document.hidden ? null : await fragment(location.href).catch(() => null);
      if (found && found.response.ok && !found.body.querySelector("[data-first]")) {
        fill(document.getElementById("content"), found.body);
        document.getElementById("content").focus();
        return;
      }
      setTimeout(look, 2000);
    };
    setTimeout(look, 2000);
  });
}
