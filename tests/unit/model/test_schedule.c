/* Noise schedules against numbers computed with numpy in extended precision and against identities; and which ones are
 * refused. */
#include "expect.h"

#include "base/memory.h"
#include "model/schedule.h"

enum { POINTS = 5 };

typedef struct golden {
    int64_t t; /* 0: there are no more */
    double beta, alpha_bar, rest, posterior;
} golden;

typedef struct known {
    const char *name;
    ddpm_schedule_spec spec;
    double snr, prior;
    golden at[POINTS];
} known;

static const double table[] = {0.1, 0.2, 0.3};

/* numpy longdouble: ab = exp(cumsum(log1p(-beta))), rest = -expm1(...), posterior = beta rest[t-1] / rest[t] */
static const known goldens[] = {
    {"linear",
     {.kind = DDPM_SCHEDULE_LINEAR, .steps = 1000, .start = NAN, .end = NAN},
     4.0359926511684273e-05,
     2.0179556035882005e-05,
     {{1, 0.0001, 0.99990000000000001, 0.0001, 0},
      {2, 0.00011991991991991992, 0.99978009207207208, 0.00021990792792792792, 5.4531876613026055e-05},
      {500, 0.010040040040040041, 0.078587242881778235, 0.92141275711822179, 0.010031355414613688},
      {1000, 0.02, 4.0358297653756835e-05, 0.99995964170234619, 0.019999983526560607}}},
    {"linear, rescaled",
     {.kind = DDPM_SCHEDULE_LINEAR, .steps = 100, .start = 1e-4, .end = 0.02, .rescale = 1},
     2.039050551987849e-05,
     1.0195148818173345e-05,
     {{1, 0.001, 0.999, 0.001, 0},
      {2, 0.0030101010101010101, 0.9959929090909091, 0.0040070909090909089, 0.00075119359115910684},
      {50, 0.099494949494949497, 0.07419699671742, 0.92580300328258003, 0.098613933769644765},
      {100, 0.2, 2.0390089755640775e-05, 0.99997960991024437, 0.199998980474724}}},
    {"quadratic",
     {.kind = DDPM_SCHEDULE_QUADRATIC, .steps = 1000, .start = 1e-4, .end = 0.02},
     0.00073395074820426659,
     0.00036684076903523551,
     {{1, 0.0001, 0.99990000000000001, 0.0001, 0},
      {2, 0.00010264836435083402, 0.99979736190048563, 0.00020263809951439894, 5.0656004274033416e-05},
      {500, 0.0057221511477685639, 0.33318776735629979, 0.66681223264370015, 0.0057056962049835541},
      {1000, 0.02, 0.00073341245958081494, 0.99926658754041919, 0.019999700428266039}}},
    {"log-normal",
     {.kind = DDPM_SCHEDULE_LOG_NORMAL, .steps = 1000, .log_mean = -1.2, .log_deviation = 1.4},
     0.0010988678591110737,
     0.00054913227287958269,
     {{1, 9.0433227383565825e-06, 0.99999095667726164, 9.0433227383565825e-06, 0},
      {2, 1.3284362963827279e-05, 0.9999776724344326, 2.2327565567402206e-05, 5.3805589011797877e-06},
      {500, 0.00057984183515592909, 0.91709451254954794, 0.082905487450452055, 0.00057612047412747195},
      {1000, 0.59432279742634789, 0.001097661673977362, 0.99890233832602264, 0.59336602280481501}}},
    {"log-normal, few steps",
     {.kind = DDPM_SCHEDULE_LOG_NORMAL, .steps = 7, .log_mean = 0.5, .log_deviation = 0.25},
     0.17682108155143261,
     0.081408402223672232,
     {{1, 0.56645034827815996, 0.43354965172184004, 0.56645034827815996, 0},
      {2, 0.18489658921120033, 0.35338779986476801, 0.64661220013523199, 0.16197457661984131},
      {4, 0.12228864864033334, 0.26894142136999512, 0.73105857863000488, 0.11602069039575932},
      {7, 0.24298225909682247, 0.15025315600084676, 0.84974684399915324, 0.22919185106437159}}},
    {"sigmoid to 5e-3",
     {.kind = DDPM_SCHEDULE_SIGMOID, .steps = 100, .start = 1e-5, .end = 5e-3, .limit = 6},
     3.5045741340133651,
     0.75254667737067749,
     {{1, 2.2338389551607523e-05, 0.99997766161044843, 2.2338389551607523e-05, 0},
      {2, 2.39239313919535e-05, 0.99995373821347855, 4.6261786521461983e-05, 1.1552128424427745e-05},
      {50, 0.0024294170732476594, 0.97146202977362472, 0.028537970226375331, 0.0022280153070877847},
      {100, 0.0049876616104483924, 0.77800343156767038, 0.22199656843232962, 0.0049000421151921755}}},
    {"sigmoid to 1e-2",
     {.kind = DDPM_SCHEDULE_SIGMOID, .steps = 100, .start = 1e-5, .end = 1e-2, .limit = 6},
     1.5313506303320297,
     0.46437650313769807,
     {{1, 3.4701505334781397e-05, 0.9999652984946652, 3.4701505334781397e-05, 0},
      {50, 0.0048536826777042319, 0.94411895061565576, 0.055881049384344232, 0.0044537213685091155},
      {100, 0.009975298494665219, 0.60495397673579776, 0.39504602326420224, 0.0098213836843965407}}},
    {"cosine",
     {.kind = DDPM_SCHEDULE_COSINE, .steps = 100, .offset = 0.008, .cap = 0.999},
     2.4285728691465312e-07,
     1.2142862871242448e-07,
     {{1, 0.00063128159834152002, 0.99936871840165853, 0.00063128159834152002, 0},
      {2, 0.0011169370373220948, 0.99825248646613451, 0.0017475135338654471, 0.00040348860509702037},
      {50, 0.030593124281670353, 0.49384359044063769, 0.50615640955936225, 0.029651134380311129},
      {99, 0.74993928038466018, 0.00024285722793500564, 0.99975714277206496, 0.74939294007478452},
      {100, 0.999, 2.4285722793500562e-07, 0.99999975714277212, 0.99875762818480185}}},
    {"harmonic",
     {.kind = DDPM_SCHEDULE_HARMONIC, .steps = 10, .cap = 0.999},
     0.00010001000100010001,
     5.0002500166679165e-05,
     {{1, 0.1, 0.9, 0.1, 0},
      {2, 1.0 / 9.0, 0.8, 0.2, 0.055555555555555552},
      {5, 1.0 / 6.0, 0.5, 0.5, 0.13333333333333333},
      {9, 0.5, 0.1, 0.9, 0.44444444444444442},
      {10, 0.999, 0.0001, 0.9999, 0.89918991899189915}}},
    {"constant to a target",
     {.kind = DDPM_SCHEDULE_CONSTANT, .steps = 50, .target = 1e-3},
     0.001001001001001001,
     0.00050025016679176675,
     {{1, 0.12903641004391936, 0.87096358995608059, 0.12903641004391936, 0},
      {2, 0.12903641004391936, 0.75857757502918377, 0.24142242497081623, 0.068967889453662959},
      {25, 0.12903641004391936, 0.031622776601683791, 0.96837722339831622, 0.1284121292446429},
      {50, 0.12903641004391936, 0.001, 0.999, 0.1290172736961186}}},
    {"table",
     {.kind = DDPM_SCHEDULE_TABLE, .steps = 3, .table = table, .table_count = 3},
     1.0161290322580645,
     0.35058967612860481,
     {{1, 0.1, 0.9, 0.1, 0}, {2, 0.2, 0.72, 0.28, 0.071428571428571425}, {3, 0.3, 0.504, 0.496, 0.16935483870967741}}},
};

static void expect_close(double value, double expected, const char *what, int64_t t)
{
    expect_near(value, expected, 2e-12 * fabs(expected) + 1e-300, what, t);
}

static void test_goldens(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof goldens / sizeof goldens[0]; g++) {
        const known *k = &goldens[g];
        ddpm_schedule s;
        expect_ok(ddpm_schedule_create(&k->spec, &s));
        for (int i = 0; i < POINTS && k->at[i].t; i++) {
            const golden *at = &k->at[i];
            expect_close(s.beta[at->t], at->beta, k->name, at->t);
            expect_close(s.alpha_bar[at->t], at->alpha_bar, k->name, at->t);
            expect_close(s.one_minus_alpha_bar[at->t], at->rest, k->name, at->t);
            expect_close(s.posterior_variance[at->t], at->posterior, k->name, at->t);
        }
        const ddpm_schedule_audit audit = ddpm_schedule_audit_of(&s);
        expect_close(audit.alpha_bar, s.alpha_bar[s.steps], k->name, 0);
        expect_close(audit.snr, k->snr, k->name, 0);
        expect_near(audit.prior, k->prior, 1e-9 * k->prior + 1e-15, k->name, 0);
        assert_int_equal(audit.reaches_noise, k->prior <= 0.01);
        ddpm_schedule_release(&s);
    }
}

/* ln sigma at t has the probability (t - 1/2) / T below it, and alpha_bar is 1 / (1 + sigma^2). */
static void test_log_normal_quantiles(void **state)
{
    static const int64_t steps[] = {1, 2, 3, 10, 1000, 100000};
    (void)state;
    for (int i = 0; i < 6; i++) {
        const ddpm_schedule_spec spec = {
            .kind = DDPM_SCHEDULE_LOG_NORMAL, .steps = steps[i], .log_mean = 0.3, .log_deviation = 0.9};
        ddpm_schedule s;
        expect_ok(ddpm_schedule_create(&spec, &s));
        for (int64_t t = 1; t <= steps[i]; t++) {
            const double log_sigma = 0.5 * log(s.one_minus_alpha_bar[t] / s.alpha_bar[t]);
            const double z = (log_sigma - 0.3) / 0.9, wanted = ((double)t - 0.5) / (double)steps[i];
            const double below = 0.5 * erfc(-z / sqrt(2.0));
            expect_near(below, wanted, 1e-9 * fmin(wanted, 1.0 - wanted) + 1e-13, "probability", t);
            assert_true(s.beta[t] > 0.0 && s.beta[t] < 1.0);
        }
        ddpm_schedule_release(&s);
    }
}

/* Noise levels that hardly differ give no beta of 0, and one so large that no signal is left is refused. */
static void test_log_normal_ends(void **state)
{
    ddpm_schedule_spec spec = {
        .kind = DDPM_SCHEDULE_LOG_NORMAL, .steps = 100000, .log_mean = -1.2, .log_deviation = 1e-3};
    ddpm_schedule s;
    (void)state;
    expect_ok(ddpm_schedule_create(&spec, &s));
    ddpm_schedule_release(&s);
    /* where 1 - alpha_bar is far below the rounding of 1 */
    spec = (ddpm_schedule_spec){.kind = DDPM_SCHEDULE_LOG_NORMAL, .steps = 1000, .log_mean = -20, .log_deviation = 10};
    expect_ok(ddpm_schedule_create(&spec, &s));
    expect_close(s.beta[1], 1.1144707715557787e-46, "beta", 1);
    expect_close(s.beta[2], 7.0809843443867893e-44, "beta", 2);
    expect_close(s.one_minus_alpha_bar[2], 7.092129052102347e-44, "rest", 2);
    expect_close(s.posterior_variance[2], 1.1127194707947132e-46, "posterior", 2);
    expect_close(s.one_minus_alpha_bar[500], 4.1431873568647857e-18, "rest", 500);
    expect_close(s.beta[1000], 0.99842858080029181, "beta", 1000);
    expect_close(s.alpha_bar[1000], 6.1748617035961246e-12, "alpha_bar", 1000);
    ddpm_schedule_release(&s);
    spec = (ddpm_schedule_spec){.kind = DDPM_SCHEDULE_LOG_NORMAL, .steps = 1, .log_mean = 20, .log_deviation = 1.0};
    expect_failure(ddpm_schedule_create(&spec, &s), DDPM_ERR_CONFIG, "no signal is left");
}

static void test_tanh_is_sigmoid(void **state)
{
    const ddpm_schedule_spec half = {.kind = DDPM_SCHEDULE_TANH, .steps = 77, .start = 1e-5, .end = 1e-2, .limit = 3},
                             whole = {
                                 .kind = DDPM_SCHEDULE_SIGMOID, .steps = 77, .start = 1e-5, .end = 1e-2, .limit = 6};
    ddpm_schedule a, b;
    (void)state;
    expect_ok(ddpm_schedule_create(&half, &a));
    expect_ok(ddpm_schedule_create(&whole, &b));
    for (int64_t t = 1; t <= 77; t++) expect_near(a.beta[t], b.beta[t], 1e-16, "beta", t);
    ddpm_schedule_release(&a);
    ddpm_schedule_release(&b);
}

/* In every schedule all signal is there at t = 0 and less at each later step, and alpha_bar and 1 - alpha_bar add up
 * to 1.
 */
static void test_tables_agree(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof goldens / sizeof goldens[0]; g++) {
        ddpm_schedule s;
        expect_ok(ddpm_schedule_create(&goldens[g].spec, &s));
        assert_true(s.alpha_bar[0] == 1.0 && s.one_minus_alpha_bar[0] == 0.0 && s.posterior_variance[1] == 0.0);
        for (int64_t t = 1; t <= s.steps; t++) {
            assert_true(s.alpha_bar[t] < s.alpha_bar[t - 1]);
            expect_near(s.alpha_bar[t] + s.one_minus_alpha_bar[t], 1.0, 4e-16, "sum", t);
            expect_near(s.alpha_bar[t], s.alpha_bar[t - 1] * (1.0 - s.beta[t]), 1e-14 * s.alpha_bar[t], "product", t);
            assert_true(s.posterior_variance[t] < s.beta[t]);
        }
        ddpm_schedule_release(&s);
    }
}

static void test_constant_value(void **state)
{
    const ddpm_schedule_spec spec = {.kind = DDPM_SCHEDULE_CONSTANT, .steps = 9, .start = 0.25, .target = NAN};
    ddpm_schedule s;
    (void)state;
    expect_ok(ddpm_schedule_create(&spec, &s));
    for (int64_t t = 1; t <= 9; t++) {
        assert_true(s.beta[t] == 0.25);
        expect_close(s.alpha_bar[t], pow(0.75, (double)t), "alpha_bar", t);
    }
    ddpm_schedule_release(&s);
}

/* With very little noise, one_minus_alpha_bar has all its digits; the subtraction 1 - alpha_bar would lose ten of them.
 */
static void test_little_noise(void **state)
{
    const double beta = 1e-10;
    const ddpm_schedule_spec spec = {.kind = DDPM_SCHEDULE_CONSTANT, .steps = 3, .start = beta, .target = NAN};
    ddpm_schedule s;
    (void)state;
    expect_ok(ddpm_schedule_create(&spec, &s));
    expect_close(s.one_minus_alpha_bar[2], beta * (2.0 - beta), "rest", 2);
    expect_close(s.one_minus_alpha_bar[3], beta * (3.0 - beta * (3.0 - beta)), "rest", 3);
    expect_close(s.posterior_variance[2], beta / (2.0 - beta), "posterior", 2);
    ddpm_schedule_release(&s);
}

static void test_zero_terminal_snr(void **state)
{
    static const struct {
        int64_t t;
        double alpha_bar;
    } lin[] = {{1, 0.9999}, {2, 0.99977932543315295}, {500, 0.076028750547114721}, {999, 4.213262465088056e-09}};
    const ddpm_schedule_spec spec = {
        .kind = DDPM_SCHEDULE_LINEAR, .steps = 1000, .start = 1e-4, .end = 0.02, .zero_terminal_snr = 1};
    ddpm_schedule s;
    (void)state;
    expect_ok(ddpm_schedule_create(&spec, &s));
    for (int i = 0; i < 4; i++) expect_near(s.alpha_bar[lin[i].t], lin[i].alpha_bar, 1e-12, "alpha_bar", lin[i].t);
    assert_true(s.alpha_bar[1000] == 0.0 && s.one_minus_alpha_bar[1000] == 1.0 && s.beta[1000] == 1.0);
    for (int64_t t = 1; t < 1000; t++) assert_true(s.beta[t] > 0.0 && s.beta[t] < 1.0);
    const ddpm_schedule_audit audit = ddpm_schedule_audit_of(&s);
    assert_true(audit.snr == 0.0 && audit.prior == 0.0 && audit.reaches_noise);
    ddpm_schedule_release(&s);
}

static void test_one_step_without_signal(void **state)
{
    const ddpm_schedule_spec spec = {
        .kind = DDPM_SCHEDULE_CONSTANT, .steps = 1, .start = 0.1, .target = NAN, .zero_terminal_snr = 1};
    ddpm_schedule s;
    (void)state;
    expect_ok(ddpm_schedule_create(&spec, &s));
    assert_true(s.beta[1] == 1.0 && s.alpha_bar[1] == 0.0 && s.one_minus_alpha_bar[1] == 1.0);
    ddpm_schedule_release(&s);
}

static void test_one_step(void **state)
{
    static const ddpm_schedule_kind kinds[] = {DDPM_SCHEDULE_CONSTANT, DDPM_SCHEDULE_LINEAR,    DDPM_SCHEDULE_QUADRATIC,
                                               DDPM_SCHEDULE_SIGMOID,  DDPM_SCHEDULE_TANH,      DDPM_SCHEDULE_COSINE,
                                               DDPM_SCHEDULE_HARMONIC, DDPM_SCHEDULE_LOG_NORMAL};
    (void)state;
    for (int i = 0; i < 8; i++) {
        const ddpm_schedule_spec spec = {.kind = kinds[i],
                                         .steps = 1,
                                         .start = 0.3,
                                         .end = 0.5,
                                         .target = NAN,
                                         .limit = 6,
                                         .offset = 0.008,
                                         .cap = 0.999,
                                         .log_mean = 0.5,
                                         .log_deviation = 1};
        ddpm_schedule s;
        expect_ok(ddpm_schedule_create(&spec, &s));
        assert_true(s.beta[1] > 0.0 && s.beta[1] < 1.0);
        assert_true(s.posterior_variance[1] == 0.0);
        expect_close(ddpm_schedule_log_posterior(&s, 1), log(s.beta[1]), "log posterior", 1);
        ddpm_schedule_release(&s);
    }
}

static void test_log_posterior(void **state)
{
    ddpm_schedule s;
    (void)state;
    expect_ok(ddpm_schedule_create(&goldens[0].spec, &s));
    expect_close(ddpm_schedule_log_posterior(&s, 1), log(5.4531876613026055e-05), "log posterior", 1);
    expect_close(ddpm_schedule_log_posterior(&s, 2), log(5.4531876613026055e-05), "log posterior", 2);
    expect_close(ddpm_schedule_log_posterior(&s, 1000), log(0.019999983526560607), "log posterior", 1000);
    ddpm_schedule_release(&s);
}

/* A checkpoint holds beta alone, from which all tables are made again with the same bits. */
static void test_from_beta(void **state)
{
    (void)state;
    for (int zero = 0; zero < 2; zero++)
        for (size_t g = 0; g < sizeof goldens / sizeof goldens[0]; g++) {
            ddpm_schedule_spec spec = goldens[g].spec;
            ddpm_schedule a, b;
            spec.zero_terminal_snr = zero;
            expect_ok(ddpm_schedule_create(&spec, &a));
            expect_ok(ddpm_schedule_from_beta(a.steps, a.beta, &b));
            const size_t bytes = (size_t)(a.steps + 1) * sizeof(double);
            expect_bits(b.alpha_bar, a.alpha_bar, bytes, goldens[g].name, zero);
            expect_bits(b.one_minus_alpha_bar, a.one_minus_alpha_bar, bytes, goldens[g].name, zero);
            expect_bits(b.posterior_variance, a.posterior_variance, bytes, goldens[g].name, zero);
            ddpm_schedule_release(&a);
            ddpm_schedule_release(&b);
        }
}

static void test_refusals(void **state)
{
    static const double bad[][3] = {
        {0.1, 0.0, 0.3}, {0.1, -0.2, 0.3}, {0.1, 1.0, 0.3}, {0.1, 1.5, 0.3}, {0.1, NAN, 0.3}};
    ddpm_schedule_spec spec = {.kind = DDPM_SCHEDULE_TABLE, .steps = 3, .table_count = 3};
    ddpm_schedule s;
    (void)state;
    for (int i = 0; i < 5; i++) {
        spec.table = bad[i];
        expect_failure(ddpm_schedule_create(&spec, &s), DDPM_ERR_CONFIG, "at step 2 of 3, found");
        assert_null(s.beta);
    }
    spec.table = table;
    spec.steps = 4; /* more steps than the table has */
    expect_failure(ddpm_schedule_create(&spec, &s), DDPM_ERR_CONFIG, "at step 4 of 4, found");
    const ddpm_schedule_spec steep = {
        .kind = DDPM_SCHEDULE_LINEAR, .steps = 10, .start = 1e-4, .end = 0.02, .rescale = 1};
    expect_failure(ddpm_schedule_create(&steep, &s), DDPM_ERR_CONFIG, "expected a beta above 0 and below 1");
    const ddpm_schedule_spec endless = {.kind = DDPM_SCHEDULE_LINEAR, .steps = 100000, .start = 1e-4, .end = 0.02};
    expect_failure(ddpm_schedule_create(&endless, &s), DDPM_ERR_CONFIG, "where no signal is left");
    const double last_is_one[] = {0, 0.5, 1.0};
    expect_ok(ddpm_schedule_from_beta(2, last_is_one, &s));
    ddpm_schedule_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_goldens),         TEST(test_log_normal_quantiles), TEST(test_log_normal_ends),
        TEST(test_tanh_is_sigmoid), TEST(test_tables_agree),         TEST(test_constant_value),
        TEST(test_little_noise),    TEST(test_zero_terminal_snr),    TEST(test_one_step_without_signal),
        TEST(test_one_step),        TEST(test_log_posterior),        TEST(test_from_beta),
        TEST(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
