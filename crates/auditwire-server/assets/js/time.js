// Tells the server the browser's zone, and keeps relative times true.
{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `auditwire_zone=${zone}; Path=/; SameSite=Lax; Max-Age=31536000`;

  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "short", numeric: "always" });
  const steps = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const relative = (time) => {
    const seconds = Math.trunc((new Date(time) - Date.now()) / 1000);
    const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) || ["second", 1];
    return words.format(Math.trunc(seconds / size), unit);
  };
  setInterval(() => {
    for (const element of all("time[data-relative]")) element.textContent = relative(element.dateTime);
  }, 15000);
}
