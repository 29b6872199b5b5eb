/** Absolute path of the folder that holds the built page, `index.html` among it. */
export declare const pageDir: string;
