-- What rows are made of: a generator of numbers, accounts, services and usage types. Variable: seed.

-- A number from 0 to 2^31 - 2 that looks random: integer arithmetic only, so that the same seed makes the same rows on
-- every machine, in every version of DuckDB and on any number of threads. hash() promises none of that.
create or replace temp macro mix(number) as xor(number, number >> 13);
create or replace temp macro draw(number, salt) as
    mix((mix((number * 48271 + salt * 69621 + getvariable('seed') * 16807 + 12345) % 2147483647) * 1103515245 + 97)
        % 2147483647) * 742938285 % 2147483647;

-- A number below `size`: evenly, or with the small ones far more often than the large ones.
create or replace temp macro pick(drawn, size) as (drawn * size) >> 31;
create or replace temp macro square(drawn) as (drawn * drawn) >> 31;
create or replace temp macro pick_skewed(drawn, size) as (square(drawn) * size) >> 31;
create or replace temp macro pick_very_skewed(drawn, size) as
    (((square(square(drawn)) * square(drawn)) >> 31) * size) >> 31;

create or replace temp table payers as
select
    number as payer_number,
    printf('%012d', 900000000000 + number * 7919173) as payer_account_id,
    'benchmark-' || (number + 1) as export_name
from range(2) as payers (number);

create or replace temp table accounts as
select
    number as account_number,
    number % 2 as payer_number,
    number // 2 as number_in_payer,
    printf('%012d', 100000000000 + number * 3344556679 + draw(number, 201) % 1000000) as account_id
from range(200) as accounts (number);

create or replace temp table services as
select
    (row_number() over ()) - 1 as service_number,
    product_code,
    product_name,
    starts_with(product_code, 'mp-') as is_marketplace
from (
    values
    ('AmazonEC2', 'Amazon Elastic Compute Cloud'), ('AmazonRDS', 'Amazon Relational Database Service'),
    ('AmazonS3', 'Amazon Simple Storage Service'), ('AWSLambda', 'AWS Lambda'),
    ('AmazonDynamoDB', 'Amazon DynamoDB'), ('AmazonECS', 'Amazon Elastic Container Service'),
    ('AmazonEKS', 'Amazon Elastic Container Service for Kubernetes'), ('AmazonElastiCache', 'Amazon ElastiCache'),
    ('AmazonCloudWatch', 'AmazonCloudWatch'), ('AmazonVPC', 'Amazon Virtual Private Cloud'),
    ('AWSELB', 'Elastic Load Balancing'), ('AmazonCloudFront', 'Amazon CloudFront'),
    ('AmazonRedshift', 'Amazon Redshift'), ('AmazonES', 'Amazon OpenSearch Service'),
    ('AmazonKinesis', 'Amazon Kinesis'), ('AmazonMSK', 'Amazon Managed Streaming for Apache Kafka'),
    ('AWSQueueService', 'Amazon Simple Queue Service'), ('AmazonSNS', 'Amazon Simple Notification Service'),
    ('AmazonEFS', 'Amazon Elastic File System'), ('AmazonFSx', 'Amazon FSx'),
    ('AWSGlue', 'AWS Glue'), ('AmazonAthena', 'Amazon Athena'), ('AmazonSageMaker', 'Amazon SageMaker'),
    ('AmazonBedrock', 'Amazon Bedrock'), ('AWSBackup', 'AWS Backup'), ('AmazonRoute53', 'Amazon Route 53'),
    ('awskms', 'AWS Key Management Service'), ('AWSSecretsManager', 'AWS Secrets Manager'),
    ('AWSCloudTrail', 'AWS CloudTrail'), ('AWSConfig', 'AWS Config'), ('AmazonGuardDuty', 'Amazon GuardDuty'),
    ('AWSSecurityHub', 'AWS Security Hub'), ('AmazonInspectorV2', 'Amazon Inspector'), ('awswaf', 'AWS WAF'),
    ('AmazonApiGateway', 'Amazon API Gateway'), ('AmazonStates', 'AWS Step Functions'),
    ('AWSEvents', 'CloudWatch Events'), ('AmazonECR', 'Amazon EC2 Container Registry'),
    ('CodeBuild', 'CodeBuild'), ('AWSCodePipeline', 'AWS CodePipeline'), ('AmazonCognito', 'Amazon Cognito'),
    ('AmazonSES', 'Amazon Simple Email Service'), ('AWSDirectConnect', 'AWS Direct Connect'),
    ('AWSTransfer', 'AWS Transfer Family'), ('AWSDataSync', 'AWS DataSync'),
    ('AmazonWorkSpaces', 'Amazon WorkSpaces'), ('AmazonConnect', 'Amazon Connect'),
    ('AmazonQuickSight', 'Amazon QuickSight'), ('AmazonNeptune', 'Amazon Neptune'),
    ('AmazonDocDB', 'Amazon DocumentDB'), ('AmazonMQ', 'Amazon MQ'), ('AWSXRay', 'AWS X-Ray'),
    ('AWSAppSync', 'AWS AppSync'), ('AWSIoT', 'AWS IoT'), ('AmazonPolly', 'Amazon Polly'),
    ('AmazonRekognition', 'Amazon Rekognition'), ('AmazonTextract', 'Amazon Textract'),
    ('mp-4kdatawatch', 'Datawatch Observability'), ('mp-8snowmelt', 'Snowmelt Warehouse'),
    ('mp-2firegate', 'Firegate Next-Generation Firewall')
) as listed (product_code, product_name);

create or replace temp table regions as
select
    (row_number() over ()) - 1 as region_number, *
from (
    values
    ('us-east-1', '', 'US East (N. Virginia)'), ('us-west-2', 'USW2-', 'US West (Oregon)'),
    ('eu-central-1', 'EUC1-', 'EU (Frankfurt)'), ('eu-west-1', 'EU-', 'EU (Ireland)'),
    ('us-east-2', 'USE2-', 'US East (Ohio)'), ('ap-northeast-1', 'APN1-', 'Asia Pacific (Tokyo)'),
    ('ap-southeast-2', 'APS2-', 'Asia Pacific (Sydney)'), ('sa-east-1', 'SAE1-', 'South America (Sao Paulo)')
) as listed (region_code, prefix, location);

-- 50 usage types of each service. Prices are millionths of a USD per unit.
create or replace temp table usage_types as
with

numbered as (
    select number, number // 50 as service_number, number % 50 as number_in_service, (number % 50) % 8 as region_number
    from range(3000) as types (number)
),

described as (
    select
        numbered.*, services.* exclude (service_number), regions.* exclude (region_number),
        case
            when services.service_number in (0, 1, 7)
                then case services.service_number when 0 then 'BoxUsage' when 1 then 'InstanceUsage' else 'NodeUsage' end
                || ':' || ['m6i', 'c7g', 'r6i', 't3', 'm5', 'c6a', 'r7g'][1 + number_in_service // 8]
                || '.' || ['large', 'xlarge', '2xlarge', '4xlarge', 'medium'][1 + draw(number, 211) % 5]
            else ['Requests-Tier1', 'TimedStorage-ByteHrs', 'DataTransfer-Out-Bytes', 'Hours', 'DataProcessed-Bytes'][
                1 + number_in_service % 5
            ] || '-' || number_in_service
        end as usage_kind,
        case when services.service_number in (0, 1, 7) then 'Hrs' else ['Requests', 'GB-Mo', 'GB', 'Hrs', 'GB'][
            1 + number_in_service % 5
        ] end as unit,
        1 + draw(number, 212) % 900000 as price
    from numbered
    inner join services on numbered.service_number = services.service_number
    inner join regions on numbered.region_number = regions.region_number
)

select
    number as usage_type_number, service_number, product_code, product_name, is_marketplace, region_code, location, unit,
    price,
    prefix || usage_kind as usage_type,
    case service_number
        when 0 then 'RunInstances' when 1 then 'CreateDBInstance:0016' when 7 then 'CreateCacheCluster:0002'
        else ['PutObject', 'StandardStorage', 'Invoke', 'PayPerRequestThroughput'][1 + number_in_service % 4]
    end as operation,
    case when service_number in (0, 1, 7) then split_part(usage_kind, ':', 2) end as instance_type,
    case when service_number in (0, 1, 7) then [4, 8, 16, 32, 2][1 + draw(number, 211) % 5] end as size_factor,
    upper(substr(md5('sku' || number), 1, 16)) as sku,
    printf('%d.%06d', price // 1000000, price % 1000000) || '0000' as rate_text
from described;
