// Browsers start no worker from a file:// address, and the search runs in one. There, its script runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    #waiting = []
    #inside = null

    constructor(address) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      frame.srcdoc = "<!doctype html>"
      frame.addEventListener("load", () => {
        const inside = frame.contentWindow
        inside.postMessage = (data) => {
          const event = new MessageEvent("message", { data })
          this.dispatchEvent(event)
          if (this.onmessage) this.onmessage(event)
        }
        const script = inside.document.createElement("script")
        script.src = address
        script.addEventListener("load", () => {
          this.#inside = inside
          this.#waiting.splice(0).forEach((data) => this.postMessage(data))
        })
        inside.document.body.append(script)
      }, { once: true })
      document.body.append(frame)
    }

    postMessage(data) {
      if (this.#inside === null) this.#waiting.push(data)
      else this.#inside.dispatchEvent(new MessageEvent("message", { data }))
    }

    terminate() {}
  }
}
