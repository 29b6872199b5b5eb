/** Electron as far as the desktop app's link code looks: no window, and a renderer that obeys. */

import { EventEmitter } from "node:events";

export const ipcMain = new EventEmitter();

/** The app's own window forwards a cancel from the site to the download, and shows the rest. */
class WebContents {
  send(channel: string, { id }: { id?: string } = {}): void {
    if (channel === "activity-cancel") ipcMain.emit("cancel-download", undefined, id);
  }
  setWindowOpenHandler(): void {}
}

export class BrowserWindow extends EventEmitter {
  readonly webContents = new WebContents();
  loadFile(): void {}
  setProgressBar(): void {}
}

export class Notification {
  show(): void {}
}

class App extends EventEmitter {
  getPath(): string {
    return process.env.TRIAL_HOME ?? "";
  }
  getVersion(): string {
    return "0.0.0";
  }
}

export const app = new App();
export const nativeTheme = { shouldUseDarkColors: false };
export const shell = {};
