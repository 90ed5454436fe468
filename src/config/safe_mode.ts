/**
 * Safe mode: what is left of the settings for a box that could not stay up. The page, so that somebody can look and mend, and health
 * over MQTT, so that somebody learns of it. Nothing that may have been the cause: no capture, no stores of records, no files of others.
 */
import type { Settings } from './schema.ts';

export function safeSettings(settings: Settings): Settings {
  const { meter, export: exporting, history, labels } = settings;
  return {
    ...settings,
    safeMode: true,
    meter: { ...meter, source: 'none', interfaces: [], capture: '' },
    export: { ...exporting, destinations: [] },
    history: {
      ...history,
      enabled: false,
      recentFlowsBytesMax: 0,
      flowArchive: { ...history.flowArchive, bytesMax: 0 },
    },
    labels: labels.slice(0, 0),
    names: { ...settings.names, macVendorFile: '' },
    places: { ...settings.places, countryFile: '', asFile: '' },
  };
}
