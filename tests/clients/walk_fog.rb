# fog-rackspace walks through a group's life. Usage: ruby walk_fog.rb IDENTITY-URL IMAGE
require 'json'
require 'net/http'
$stderr.reopen(File::NULL)
require 'fog/rackspace'

identity, image = ARGV
service = Fog::Rackspace::AutoScale.new(rackspace_username: 'ada', rackspace_api_key: 'key', rackspace_auth_url: identity, rackspace_region: :ord)
$steps = 0

def holds(what, yes)
  $steps += 1
  return if yes
  puts "fog: does not hold: #{what}"
  exit 1
end

def settles(service, group, servers)
  state = nil
  300.times do
    state = service.get_group_state(group).body['group']
    return state if state['activeCapacity'] == servers && state['pendingCapacity'].zero?
    sleep 0.1
  end
  puts "fog: never #{servers} servers: #{state}"
  exit 1
end

launch = { 'type' => 'launch_server', 'args' => { 'server' => {
  'name' => 'walk', 'imageRef' => image, 'flavorRef' => 1, 'metadata' => { 'made' => 'by fog' }
} } }
config = { 'name' => 'walk', 'cooldown' => 0, 'minEntities' => 1, 'maxEntities' => 6, 'metadata' => { 'a' => 'b' } }
policies = [{ 'name' => 'up', 'cooldown' => 0, 'type' => 'webhook', 'change' => 2 }]
made = service.create_group(launch, config, policies).body['group']
id = made['id']
holds('its policies came with it', made['scalingPolicies'].map { |one| one['name'] } == ['up'])
holds('the group is listed', service.list_groups.body['groups'].map { |one| one['id'] }.include?(id))
holds('the group is shown', service.groups.get(id).group_config.name == 'walk')
settles(service, id, 1)
config['maxEntities'] = 7
service.update_group_config(id, config)
holds('its configuration is updated', service.get_group_config(id).body['groupConfiguration'] == config)
launch['args']['server']['name'] = 'newer'
launch['args']['loadBalancers'] = []
service.update_launch_config(id, launch)
shown = service.get_launch_config(id).body['launchConfiguration']
holds('its launch configuration is updated', shown['args']['server']['name'] == 'newer' && shown['args']['server']['flavorRef'] == '1')

up = made['scalingPolicies'][0]['id']
nightly = service.create_policy(id, { 'name' => 'nightly', 'cooldown' => 60, 'type' => 'schedule', 'changePercent' => 50, 'args' => { 'cron' => '0 3 * * *' } })
nightly = nightly.body['policies'][0]['id']
holds('both policies', service.list_policies(id).body['policies'].length == 2)
service.update_policy(id, up, { 'name' => 'more', 'cooldown' => 0, 'type' => 'webhook', 'change' => 1 })
holds('one policy', service.get_policy(id, up).body['policy']['name'] == 'more')
service.execute_policy(id, up)
settles(service, id, 2)

hook = service.create_webhook(id, up, { 'name' => 'hook', 'metadata' => {} }).body['webhooks'][0]
holds('the webhook', service.list_webhooks(id, up).body['webhooks'].length == 1)
service.update_webhook(id, up, hook['id'], { 'name' => 'other', 'metadata' => { 'a' => 'b' } })
holds('it is updated', service.get_webhook(id, up, hook['id']).body['webhook']['name'] == 'other')
url = service.groups.get(id).policies.get(up).webhooks.get(hook['id']).execution_url
holds('anybody may execute', Net::HTTP.post(URI(url), '').code == '202')
holds('the servers are named', settles(service, id, 3)['active'].length == 3)

# fog itself cannot pause: its methods for that say so.
begin
  service.delete_group(id)
  holds('a group with servers stays', false)
rescue Fog::Rackspace::AutoScale::ServiceError
  holds('a group with servers stays', true)
end
service.delete_webhook(id, up, hook['id'])
service.delete_policy(id, nightly)
holds('what is deleted is gone', service.list_policies(id).body['policies'].map { |one| one['id'] } == [up])
config['minEntities'] = config['maxEntities'] = 0
service.update_group_config(id, config)
service.delete_group(id)
begin
  service.get_group(id)
  holds('the group is gone', false)
rescue Fog::Rackspace::AutoScale::NotFound
  holds('the group is gone', true)
end
puts "fog-rackspace #{Fog::Rackspace::VERSION}: #{$steps} steps hold"
