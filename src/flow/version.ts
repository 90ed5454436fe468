/** The version of the program, as `--version`, the page and the exporter's options say it. */
export const VERSION = '0.1.0';
