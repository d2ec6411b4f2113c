// form[data-recount]: what the server says of the form as it is entered now, without sending it: each [data-told] with an id is
// replaced by what the form's own address (GET) has in its place.
each("form[data-recount]", (form) => {
  let timer;
  let asked = 0;
  const ask = async () => {
    const mine = ++asked;
    const { response, body } = await fragment(`${form.action}?${new URLSearchParams(new FormData(form))}`).catch(() => ({}));
    if (!response || !response.ok || mine !== asked || !form.isConnected) return;
    for (const fresh of all("[data-told]", body)) {
      const shown = document.getElementById(fresh.id);
      if (shown && shown.innerHTML !== fresh.innerHTML) fill(shown, fresh);
    }
    for (const field of all("input, select", form)) {
      const fresh = body.querySelector(`#${field.id}`);
      if (!fresh) continue;
      for (const name of ["aria-invalid", "aria-describedby"]) {
        if (fresh.hasAttribute(name)) field.setAttribute(name, fresh.getAttribute(name));
        else field.removeAttribute(name);
      }
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 400);
  });
  // With script the count comes by itself; Enter must not begin anything.
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.name === "csrf") return;
    event.preventDefault();
    ask();
  });
});
