const lines = document.querySelector("#lines");
const form = document.querySelector("#say");
const state = document.querySelector("#state");
let socket, name, pause = 250;

function show(line) {
  const item = document.createElement("li");
  const author = document.createElement("b");
  const time = document.createElement("time");
  author.textContent = line.name;
  time.dateTime = line.at;
  time.textContent = new Date(line.at).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
  item.append(author, " ", line.text, " ", time);
  item.classList.toggle("own", line.name === name);
  lines.append(item);
  item.scrollIntoView();
}

function connect() {
  name = form.elements.name.value || "Guest";
  const mine = new WebSocket(`/chat/${lines.dataset.room}?name=${encodeURIComponent(name)}`);
  socket = mine;
  mine.onopen = () => {
    lines.replaceChildren();  // the last hundred lines come again
    state.textContent = `connected as ${name}`;
    pause = 250;
  };
  mine.onmessage = event => mine === socket && show(JSON.parse(event.data));
  mine.onclose = () => {
    if (mine !== socket) return;
    state.textContent = "connecting";
    setTimeout(connect, pause);
    pause = Math.min(2 * pause, 8000);
  };
}

form.elements.name.value = localStorage.getItem("name") ?? "";
form.elements.name.onchange = () => {
  localStorage.setItem("name", form.elements.name.value);
  if (form.elements.name.value !== name) socket.close();
};
form.onsubmit = event => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(form.elements.text.value);
    form.elements.text.value = "";
  }
};
addEventListener("pagehide", () => socket.close());
addEventListener("pageshow", event => event.persisted && connect());
connect();
