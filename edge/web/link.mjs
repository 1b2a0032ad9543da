// The connection to `leadone live`: made again when it is lost, from where the page was.

const RETRY_S = [0.3, 1, 2, 4];
const DEAF_S = 4; // the server says something every second

export class Link {
  /** `take` gets each message (text read, or bytes), `place` says what the page has, `change` whether it is linked. */
  constructor({ take, place, change }) {
    Object.assign(this, { take, place, change, tries: 0 });
    this.open();
    setInterval(() => this.listen(), 1000);
    document.addEventListener("visibilitychange", () => this.listen());
  }

  open() {
    const { samples, events } = this.place(), { protocol, host, search } = location;
    const socket = new WebSocket(`${protocol.replace("http", "ws")}//${host}/stream${search}&samples=${samples}&events=${events}`);
    let had = 0;
    this.heardAt = performance.now();
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.tries = 0; this.change(true); };
    socket.onmessage = ({ data }) => {
      this.heardAt = performance.now();
      this.take(typeof data === "string" ? JSON.parse(data) : data);
      socket.send(String(++had)); // the server waits for this: it never sends more than fits
    };
    socket.onclose = () => { if (this.socket === socket) this.lost(); };
  }

  /** A server that has not been heard for long is not there. */
  listen() {
    if (this.socket === null || performance.now() - this.heardAt < 1000 * DEAF_S) return;
    this.socket.close();
    this.lost();
  }

  lost() {
    this.socket = null;
    this.change(false);
    const waitS = RETRY_S[Math.min(this.tries++, RETRY_S.length - 1)];
    setTimeout(() => { if (this.socket === null) this.open(); }, 1000 * waitS);
  }
}
