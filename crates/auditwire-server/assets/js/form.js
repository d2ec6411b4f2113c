// The form of a connection: a PEM is read as soon as it is pasted, filters are shown as an expression, a form with mistakes comes
// back in its place and keeps everything, also the PEM that the server never sends back.
{
  /** Calls `run` when no event came for a moment; an answer that is overtaken by the next question is dropped. */
  const settled = (wait, run) => {
    let timer;
    let asked = 0;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const mine = ++asked;
        run(() => mine === asked);
      }, wait);
    };
  };

  const post = (url, fields) =>
    fetch(url, { method: "POST", body: fields, credentials: "same-origin", headers: { "x-fragment": "1", accept: "text/html" } });
  const parsed = async (response) => new DOMParser().parseFromString(await response.text(), "text/html").body;
  const signedOut = (response) => response.redirected && new URL(response.url).pathname === "/sign-in";

  /** A form is refused when its token is of a session that has ended; the page of a new session has a new one. */
  const renewed = async (form) => {
    const { body } = await fragment(form.action);
    const fresh = body.querySelector("[data-connection] [name=csrf]");
    if (fresh) form.elements.csrf.value = fresh.value;
    return Boolean(fresh);
  };

  // What follows from a choice: the values that empty fields stand for.
  const hint = (form) => {
    for (const input of all("[data-hints]", form)) {
      const hints = new Map(input.dataset.hints.split(";").map((one) => one.split("=")));
      const chosen = form.elements[input.dataset.hintOf].value;
      input.placeholder = hints.get(chosen) || "";
    }
  };

  const watchPem = (form) => {
    const text = form.elements.pem;
    const shown = form.querySelector("#pem-contents");
    const read = settled(250, async (current) => {
      if (!text.value.trim()) {
        shown.replaceChildren();
        text.removeAttribute("aria-invalid");
        return;
      }
      const response = await post(form.dataset.pem, new URLSearchParams({ csrf: form.elements.csrf.value, pem: text.value })).catch(() => null);
      if (!response || !response.ok || signedOut(response) || !current()) return;
      fill(shown, await parsed(response));
      const wrong = shown.querySelector(".error");
      if (wrong) text.setAttribute("aria-invalid", "true");
      else text.removeAttribute("aria-invalid");
    });
    const add = async (files) => {
      // Enough for the server to say that it is too large.
      const texts = await Promise.all(Array.from(files, (file) => file.slice(0, 400 * 1024).text()));
      text.value = [text.value.trimEnd(), ...texts].filter(Boolean).join("\n");
      read();
    };
    text.addEventListener("input", read);
    const files = form.querySelector("#pem-file");
    files.addEventListener("change", async () => {
      await add(files.files);
      // So that the same file can be chosen again.
      files.value = "";
    });
    text.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      text.classList.add("over");
    });
    text.addEventListener("dragleave", () => text.classList.remove("over"));
    text.addEventListener("drop", (event) => {
      text.classList.remove("over");
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      add(event.dataTransfer.files);
    });
    if (text.value) read();
  };

  const watchFilters = (form) => {
    const shown = form.querySelector("#filter-meaning");
    const names = ["csrf", "filter", "status_mode", "status", "status_more", "source_mode", "source", "source_more", "query"];
    const show = settled(200, async (current) => {
      const fields = new URLSearchParams(Array.from(new FormData(form)).filter(([name]) => names.includes(name)));
      const response = await post(form.dataset.filter, fields).catch(() => null);
      if (!response || !response.ok || signedOut(response) || !current()) return;
      fill(shown, await parsed(response));
    });
    form.addEventListener("input", (event) => {
      if (event.target.name !== "csrf" && names.includes(event.target.name)) show();
    });
    shown.addEventListener("click", (event) => {
      const repair = event.target.closest("[data-repair]");
      if (!repair) return;
      form.elements.query.value = repair.dataset.repair;
      form.elements.query.focus();
      show();
    });
  };

  /** What a receiver wants is set by the server, as without script; what follows from it is shown as other fields change. */
  const watchReceiver = (form) => {
    const apply = form.querySelector("button[name=save][value=receiver]");
    form.elements.receiver.addEventListener("change", () => form.requestSubmit(apply));
    const unread = ["pem", "save", "query", "name"];
    const show = settled(200, async (current) => {
      const fields = new URLSearchParams(Array.from(new FormData(form)).filter(([name]) => !unread.includes(name)));
      const response = await post(form.dataset.receiver, fields).catch(() => null);
      if (!response || !response.ok || signedOut(response) || !current()) return;
      for (const part of all("[data-for]", await parsed(response))) {
        const shown = form.querySelector(`#${CSS.escape(part.dataset.for)}`);
        // What did not change is not read aloud again, and stays open or closed.
        if (shown.textContent.trim() !== part.textContent.trim()) shown.replaceChildren(...part.childNodes);
      }
    });
    form.addEventListener("input", (event) => {
      if (form.elements.receiver.value && event.target.name !== "receiver" && !unread.includes(event.target.name)) show();
    });
  };

  /** Says something above the form that the server could not. */
  const say = (form, text) => {
    const notice = document.createElement("div");
    notice.className = "notice bad";
    notice.setAttribute("role", "alert");
    notice.textContent = text;
    form.querySelector("[data-problems]").replaceChildren(notice);
    notice.scrollIntoView({ block: "nearest" });
  };

  /** Puts the form that came back in the place of the one that was sent. */
  const comeBack = (form, body, button) => {
    if (!body.querySelector("[data-connection]")) {
      // A page about a failure: what was entered stays.
      say(form, all("h1, p:not(.muted):not(:has(a))", body).map((element) => element.textContent.trim()).join(". "));
      return;
    }
    const pem = form.elements.pem.value;
    const open = all("details[open][id]", form).map((details) => details.id);
    const content = form.closest("#content");
    fill(content, body);
    const again = content.querySelector("[data-connection]");
    for (const id of open) again.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    if (pem) {
      again.elements.pem.value = pem;
      again.elements.pem.dispatchEvent(new Event("input"));
    }
    const wrong = again.querySelector('[aria-invalid="true"], [data-wrong] input');
    const notice = again.querySelector("[data-problems] > *");
    if (wrong) {
      wrong.focus();
    } else if (notice) {
      notice.tabIndex = -1;
      notice.focus();
    } else if (button && button.value === "receiver") {
      // It was chosen, not pressed.
      again.elements.receiver.focus();
    } else if (button && !button.hidden) {
      // A button that only shows something.
      again.querySelector(`button[name=save][value="${CSS.escape(button.value)}"]`)?.focus();
    }
  };

  const send = async (form, button, again) => {
    const fields = new URLSearchParams(new FormData(form, button));
    const response = await post(form.action, fields);
    if (signedOut(response)) {
      say(form, form.dataset.signedOut);
    } else if (response.redirected) {
      location.assign(response.url);
      return true;
    } else if (response.status === 403 && again && (await renewed(form))) {
      return send(form, button, false);
    } else {
      comeBack(form, await parsed(response), button);
    }
    return false;
  };

  each("form[data-connection]", (form) => {
    // All that is wrong is told at once, by the server.
    form.noValidate = true;
    hint(form);
    form.addEventListener("change", () => hint(form));
    watchPem(form);
    watchFilters(form);
    watchReceiver(form);
    const busy = (is) => {
      for (const button of all("button[name=save]", form)) button.disabled = is;
      form.setAttribute("aria-busy", String(is));
    };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = event.submitter;
      // The value of a button that is disabled is not sent.
      const sent = send(form, button, true);
      busy(true);
      const gone = await sent.catch(() => say(form, form.dataset.unreachable));
      if (!gone) busy(false);
    });
    // Come back to by the browser's own button.
    addEventListener("pageshow", () => busy(false));
  });
}
