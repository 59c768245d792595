"""The types that Apache Flume has, and which of our packages provides them.

Only messages are made from this: what can be used is what is installed, whoever made it.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["is_known", "known_names", "providing_package"]

_AVRO, _FILE, _HDFS, _KAFKA = "flume-avro", "flume-filechannel", "flume-hdfs", "flume-kafka"
_NOBODY = ""

# (kind, package) -> names; names with a dot go behind org.apache.flume.
_TYPES: dict[tuple[str, str], str] = {
    ("source", _AVRO): "avro source.AvroSource",
    ("source", _KAFKA): "source.kafka.KafkaSource",
    ("source", _NOBODY): """
        thrift source.ThriftSource exec source.ExecSource jms source.jms.JMSSource
        spooldir source.SpoolDirectorySource taildir source.taildir.TaildirSource
        netcat source.NetcatSource netcatudp source.NetcatUdpSource
        seq source.SequenceGeneratorSource syslogtcp source.SyslogTcpSource
        multiport_syslogtcp source.MultiportSyslogTCPSource syslogudp source.SyslogUDPSource
        http source.http.HTTPSource source.StressSource source.scribe.ScribeSource
        source.twitter.TwitterSource source.avroLegacy.AvroLegacySource
        source.thriftLegacy.ThriftLegacySource""",
    ("sink", _AVRO): "avro sink.AvroSink",
    ("sink", _HDFS): "hdfs sink.hdfs.HDFSEventSink",
    ("sink", _KAFKA): "sink.kafka.KafkaSink",
    ("sink", _NOBODY): """
        null sink.NullSink logger sink.LoggerSink file_roll sink.RollingFileSink
        hive sink.hive.HiveSink irc sink.irc.IRCSink thrift sink.ThriftSink
        hbase sink.hbase.HBaseSink hbase2 sink.hbase2.HBase2Sink
        asynchbase sink.hbase.AsyncHBaseSink http sink.http.HttpSink
        morphline_solr sink.solr.morphline.MorphlineSolrSink sink.solr.morphline.MorphlineSink
        elasticsearch sink.elasticsearch.ElasticSearchSink sink.kite.DatasetSink sink.kudu.KuduSink""",
    ("channel", _FILE): """
        file channel.file.FileChannel spillablememory channel.SpillableMemoryChannel""",
    ("channel", _KAFKA): "channel.kafka.KafkaChannel",
    ("channel", _NOBODY): """
        memory channel.MemoryChannel jdbc channel.jdbc.JdbcChannel channel.PseudoTxnMemoryChannel""",
    ("channel_selector", _NOBODY): """
        replicating channel.ReplicatingChannelSelector
        multiplexing channel.MultiplexingChannelSelector
        load_balancing channel.LoadBalancingChannelSelector""",
    ("sink_processor", _NOBODY): """
        default sink.DefaultSinkProcessor failover sink.FailoverSinkProcessor
        load_balance sink.LoadBalancingSinkProcessor""",
    ("interceptor", _NOBODY): """
        timestamp interceptor.TimestampInterceptor$Builder host interceptor.HostInterceptor$Builder
        static interceptor.StaticInterceptor$Builder
        regex_filter interceptor.RegexFilteringInterceptor$Builder
        regex_extractor interceptor.RegexExtractorInterceptor$Builder
        remove_header interceptor.RemoveHeaderInterceptor$Builder
        search_replace interceptor.SearchAndReplaceInterceptor$Builder
        sink.solr.morphline.UUIDInterceptor$Builder
        sink.solr.morphline.MorphlineInterceptor$Builder""",
    ("event_serializer", _AVRO): """
        avro_event serialization.FlumeEventAvroEventSerializer$Builder""",
    ("event_serializer", _NOBODY): """
        text serialization.BodyTextEventSerializer$Builder
        header_and_text serialization.HeaderAndBodyTextEventSerializer$Builder
        sink.hdfs.AvroEventSerializer$Builder""",
    ("event_deserializer", _NOBODY): """
        LINE serialization.LineDeserializer$Builder AVRO serialization.AvroEventDeserializer$Builder
        sink.solr.morphline.BlobDeserializer$Builder""",
    ("config_filter", _NOBODY): """
        env configfilter.EnvironmentVariableConfigFilter
        external configfilter.ExternalProcessConfigFilter
        hadoop configfilter.HadoopCredentialStoreConfigFilter""",
    ("key_provider", _FILE): "jceksfile channel.file.encryption.JCEFileKeyProvider$Builder",
    ("monitor", _NOBODY): """
        http instrumentation.http.HTTPMetricsServer ganglia instrumentation.GangliaServer
        prometheus instrumentation.http.PrometheusHTTPMetricsServer""",
}


def _entries() -> Iterator[tuple[str, str, str]]:
    for (kind, package), names in _TYPES.items():
        for name in names.split():
            yield kind, f"org.apache.flume.{name}" if "." in name else name, package


_PACKAGES = {(kind, name.casefold()): package for kind, name, package in _entries()}


def known_names(kind: str) -> tuple[str, ...]:
    """Return the types of a kind that Apache Flume has, short names and class names."""
    return tuple(name for entry_kind, name, _ in _entries() if entry_kind == kind)


def is_known(kind: str, type_: str) -> bool:
    """Return whether Apache Flume has this type."""
    return (kind, type_.casefold()) in _PACKAGES


def providing_package(kind: str, type_: str) -> str | None:
    """Return the package of this project that provides a type besides the core, if one does."""
    return _PACKAGES.get((kind, type_.casefold())) or None
