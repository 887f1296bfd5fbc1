/* Lines that the parts of a report share. */
#include "evaluate/lines.h"

#include "base/printable.h"
#include "file/json_file.h"

#include <math.h>

double ddpm_report_ratio(double samples, double real_data)
{
    return real_data > 0.0 ? samples / real_data : NAN;
}

void ddpm_report_number(int decimals, double value)
{
    if (isfinite(value))
        printf(" %12.*f", decimals, value);
    else
        printf(" %12s", "-");
}

void ddpm_report_measure(const char *name, double samples, double real_data)
{
    printf("  %s", ddpm_padded(name, 42));
    ddpm_report_number(6, samples);
    ddpm_report_number(6, real_data);
    ddpm_report_number(3, ddpm_report_ratio(samples, real_data));
    printf("\n");
}

void ddpm_report_errors(double samples, double real_data)
{
    printf("  %-42s", "  its standard error");
    ddpm_report_number(6, samples);
    ddpm_report_number(6, real_data);
    printf("\n");
}

void ddpm_report_heads(void)
{
    printf("  %-42s %12s %12s %12s\n", "", "samples", "real data", "ratio");
}

const char *ddpm_report_name(const ddpm_evaluation *e, int64_t column, char number[32])
{
    if (e->loaded->checkpoint.column_names) return e->loaded->checkpoint.column_names[column];
    snprintf(number, 32, "%lld", (long long)column);
    return number;
}

void ddpm_report_values(FILE *to, double samples, double real_data)
{
    ddpm_json_number(to, "", "samples", samples);
    ddpm_json_number(to, ", ", "oracle", real_data);
    ddpm_json_number(to, ", ", "ratio", ddpm_report_ratio(samples, real_data));
}
