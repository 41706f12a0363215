// Before the first paint: that there is a script, and the theme chosen on this visit.
document.documentElement.classList.add("js");
try {
  const chosen = sessionStorage.getItem("harness-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* storage is denied: the system's theme stays */ }
