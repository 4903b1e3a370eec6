"""What is known to be wrong with a trail is a signed list from now on. One of before was signed by nobody, and counts
for nothing."""

from django.db import migrations, models

UNSIGNED = "UPDATE connector_verification SET accepted = '{}' WHERE jsonb_typeof(accepted) = 'array'"


class Migration(migrations.Migration):

    dependencies = [
        ('connector', '0009_token_host'),
    ]

    operations = [
        migrations.AlterField(
            model_name='verification',
            name='accepted',
            field=models.JSONField(default=dict),
        ),
        migrations.RunSQL(UNSIGNED, migrations.RunSQL.noop),
    ]
