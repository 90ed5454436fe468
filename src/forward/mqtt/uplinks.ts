/** An uplink for each broker of the settings. */
import type { MqttSettings } from '../../config/schema.ts';
import type { World } from '../../core/world.ts';
import { MqttUplink, type MqttUplinkParts } from './uplink.ts';

export interface MqttUplinksParts extends Omit<MqttUplinkParts, 'world' | 'broker' | 'settings' | 'lane'> {
  readonly worldFor: (name: string) => World;
  readonly settings: MqttSettings;
  readonly lane: (broker: string) => MqttUplinkParts['lane'];
}

export function mqttUplinks({ worldFor, settings, lane, ...parts }: MqttUplinksParts): MqttUplink[] {
  return settings.brokers.map(
    (broker) => new MqttUplink({ ...parts, world: worldFor(`mqtt.${broker.name}`), broker, settings, lane: lane(broker.name) }),
  );
}
